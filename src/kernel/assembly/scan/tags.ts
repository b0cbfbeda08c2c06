/** Sets of tags are bits. */
export const anyTag: i32 = 0x3ff;
export const stringTags: i32 = (1 << 6) | (1 << 7);

export function has(tags: i32, tag: i32): bool {
  return ((tags >> tag) & 1) === 1;
}
