/** Forms of envelopes as the kernel has them (kernel/assembly/scan/envelope.ts). */
import {
  Tag_Array,
  Tag_Escaped,
  Tag_False,
  Tag_Int,
  Tag_Null,
  Tag_Number,
  Tag_Object,
  Tag_String,
  Tag_True,
} from '../../kernel/assembly/codes.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { compareText } from '../../text/order.ts';
import type { EnvelopeForm, FormType } from '../envelope/form.ts';
import { bit } from './program.ts';

const tagsOf: Readonly<Record<FormType, number>> = {
  null: bit(Tag_Null),
  boolean: bit(Tag_True) | bit(Tag_False),
  number: bit(Tag_Int) | bit(Tag_Number),
  string: bit(Tag_String) | bit(Tag_Escaped),
  array: bit(Tag_Array),
  object: bit(Tag_Object),
};

/** Codes of the kernel. */
const holdsOf = { object: 0, text: 1, list: 2 } as const;

/** The same for forms that are the same, in whatever order their members stand. */
export const keyOfForm = ({ isCri, objects }: EnvelopeForm): string =>
  JSON.stringify([
    isCri,
    objects.map(({ members, holder, holds }) => [
      members[holder]!.key,
      holds,
      members
        .map(({ key, type, text }) => [key, type, text?.toString('latin1') ?? null] as const)
        .sort(([a], [b]) => compareText(a, b)),
    ]),
  ]);

/** Has the writer look for records in envelopes of a form. */
export function addForm(kernel: Kernel, writer: number, { isCri, objects }: EnvelopeForm): void {
  const { call } = kernel;
  let inner = 0;
  for (const { members, holder, holds } of objects.toReversed()) {
    const object = call.newFormObject(holdsOf[holds], inner);
    for (const [i, { key, type, isGuarded, text }] of members.entries()) {
      const lead = Buffer.from(`,"${key}":`);
      call.addFormMember(
        object,
        kernel.copyOf(lead),
        lead.length,
        tagsOf[type],
        i === holder,
        isGuarded,
        text === undefined ? 0 : kernel.copyOf(text),
        text?.length ?? 0,
      );
    }
    inner = object;
  }
  call.addForm(writer, call.newForm(isCri, inner));
}
