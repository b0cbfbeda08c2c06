/** What the kernel asks of its host (../kernel.ts). */

/** Throws: there is no room for a block of so many bytes. */
export declare function outOfMemory(bytes: i32): void;

/** Throws: something was written past the end of a block. */
export declare function brokenMemory(): void;

/** Whether rows of this day, counted from the epoch, may go into the batch. */
export declare function admitDay(day: i32): bool;

/** Writes the microseconds since the epoch of a text's time to `target`; false where it is none. */
export declare function readTimestamp(start: usize, length: i32, target: usize): bool;

/**
 * Writes what becomes of an address other than a plain IPv4 address to `target`, which has room for the text and 64 bytes
 * more, and returns its length; -1 for nothing. `part`: a kind of computed field (fields.ts).
 */
export declare function partOfAddress(part: i32, start: usize, length: i32, target: usize): i32;
