/** The bundle of echarts loads in a tenth of the time that its hundreds of modules take. Same exports, no types of its own. */
declare module 'echarts/dist/echarts.esm.min.mjs' {
  export * from 'echarts';
}
