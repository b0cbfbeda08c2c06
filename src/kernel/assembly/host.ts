/** What the kernel asks of its host (../kernel.ts). */

/** Throws: there is no room for a block of so many bytes. */
export declare function outOfMemory(bytes: i32): void;
