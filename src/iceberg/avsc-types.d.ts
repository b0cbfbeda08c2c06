/** The part of avsc that reads and writes values, without its services and streams. It ships no types for it. */
declare module 'avsc/etc/browser/avsc-types.js' {
  import avsc from 'avsc';

  export default avsc;
}
