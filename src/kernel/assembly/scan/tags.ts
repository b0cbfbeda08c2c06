/** What a scanned value is. Int: an integer of at most 15 digits, so exact as a double. As records/scan/program.ts has them. */
export const Tag_Absent: i32 = 0;
export const Tag_Null: i32 = 1;
export const Tag_True: i32 = 2;
export const Tag_False: i32 = 3;
export const Tag_Int: i32 = 4;
export const Tag_Number: i32 = 5;
export const Tag_String: i32 = 6;
/** A string with escapes in it. */
export const Tag_Escaped: i32 = 7;
export const Tag_Array: i32 = 8;
export const Tag_Object: i32 = 9;

/** Sets of tags are bits. */
export const anyTag: i32 = 0x3ff;
export const stringTags: i32 = (1 << 6) | (1 << 7);

export function has(tags: i32, tag: i32): bool {
  return ((tags >> tag) & 1) === 1;
}
