/**
 * The calls after which a killed run is looked at: all of them where everything is tested (EVERY_CALL=true, which
 * scripts/test sets), otherwise every fifth, from another one each time.
 */
export function killPoints(calls: number): number[] {
  const step = process.env.EVERY_CALL === 'true' ? 1 : 5;
  const first = 1 + Math.floor(Math.random() * step);
  return Array.from({ length: Math.ceil((calls - first + 1) / step) }, (_, i) => first + i * step);
}
