/** Forms of envelopes as the kernel has them (kernel/assembly/scan/envelope.ts). */
import type { Kernel } from '../../kernel/kernel.ts';
import type { EnvelopeForm, FormType } from '../envelope/form.ts';
import { bit, Tag } from './program.ts';

const tagsOf: Readonly<Record<FormType, number>> = {
  null: bit(Tag.Null),
  boolean: bit(Tag.True) | bit(Tag.False),
  number: bit(Tag.Int) | bit(Tag.Number),
  string: bit(Tag.String) | bit(Tag.Escaped),
  array: bit(Tag.Array),
  object: bit(Tag.Object),
};

/** The same for forms that are the same. */
export const keyOfForm = ({ isCri, objects }: EnvelopeForm): string =>
  JSON.stringify([
    isCri,
    objects.map(({ members, holder, holdsText }) => [
      holder,
      holdsText,
      members.map(({ key, type, text }) => [key, type, text?.toString('latin1') ?? null]),
    ]),
  ]);

/** Has the writer look for records in envelopes of a form. */
export function addForm(kernel: Kernel, writer: number, { isCri, objects }: EnvelopeForm): void {
  const { call } = kernel;
  let inner = 0;
  for (const { members, holder, holdsText } of objects.toReversed()) {
    const object = call.newFormObject(holder, holdsText, inner);
    for (const { key, type, isGuarded, text } of members) {
      const lead = Buffer.from(`,"${key}":`);
      call.addFormMember(
        object,
        kernel.copyOf(lead),
        lead.length,
        tagsOf[type],
        isGuarded,
        text === undefined ? 0 : kernel.copyOf(text),
        text?.length ?? 0,
      );
    }
    inner = object;
  }
  call.addForm(writer, call.newForm(isCri, inner));
}
