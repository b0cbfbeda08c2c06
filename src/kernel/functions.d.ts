declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/bytes/hashOf
   * @param start `usize`
   * @param length `i32`
   * @returns `u32`
   */
  export function hashOf(start: number, length: number): number;
  /**
   * assembly/bytes/isSame
   * @param a `usize`
   * @param b `usize`
   * @param length `i32`
   * @returns `bool`
   */
  export function isSame(a: number, b: number, length: number): boolean;
  /**
   * assembly/memory/allocate
   * @param bytes `i32`
   * @returns `usize`
   */
  export function allocate(bytes: number): number;
  /**
   * assembly/memory/allocateZeros
   * @param bytes `i32`
   * @returns `usize`
   */
  export function allocateZeros(bytes: number): number;
  /**
   * assembly/memory/release
   * @param place `usize`
   */
  export function release(place: number): void;
  /**
   * assembly/memory/room
   * @param place `usize`
   * @returns `i32`
   */
  export function room(place: number): number;
}
/** Instantiates the compiled WebAssembly module with the given imports. */
export declare function instantiate(module: WebAssembly.Module, imports: {
  host: unknown,
}): Promise<typeof __AdaptedExports>;
