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

/** Codes of the kernel. */
const holdsOf = { object: 0, text: 1, list: 2 } as const;

/** The same for forms that are the same. */
export const keyOfForm = ({ isCri, objects }: EnvelopeForm): string =>
  JSON.stringify([
    isCri,
    objects.map(({ members, holder, holds }) => [
      holder,
      holds,
      members.map(({ key, type, text }) => [key, type, text?.toString('latin1') ?? null]),
    ]),
  ]);

/** Has the writer look for records in envelopes of a form. */
export function addForm(kernel: Kernel, writer: number, { isCri, objects }: EnvelopeForm): void {
  const { call } = kernel;
  let inner = 0;
  for (const { members, holder, holds } of objects.toReversed()) {
    const object = call.newFormObject(holder, holdsOf[holds], inner);
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
