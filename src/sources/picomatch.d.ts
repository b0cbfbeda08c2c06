/** The part of picomatch that is used; the package ships no types. */
declare module 'picomatch/posix.js' {
  interface Options {
    /** Names that begin with a dot are like any other. */
    readonly dot?: boolean;
    /** Of the regular expression. */
    readonly flags?: string;
    /** A `!` in front is a character like any other. */
    readonly nonegate?: boolean;
  }
  export default function picomatch(globs: string | readonly string[], options?: Options): (text: string) => boolean;
}
