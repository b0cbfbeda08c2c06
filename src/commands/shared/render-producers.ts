/** What never arrived, for a terminal. */
import { missingNumbersText } from '../../jobs/producers/missing-numbers.ts';
import type { ProducerDay, ProducersReport } from '../../jobs/producers/producers.ts';
import { type Grade, grades } from '../../sequences/grade.ts';
import { countOf } from '../../sequences/number-set.ts';
import { formatCount, plural } from '../../text/humanize.ts';
import { textTable } from '../../text/text-table.ts';

const mostDays = 50;

export function renderProducers({ days, totals, beyondTolerance }: ProducersReport, width: number | undefined): string {
  if (totals.instances === 0) return '\nproducers: no record that tells which instance made it\n';
  const counts = (Object.keys(grades) as Grade[]).map((grade) => `${formatCount(totals.days[grade])} ${grade}`);
  let text = `\nproducers: ${plural(totals.instances, 'instance')}; days of instances: ${counts.join(', ')}\n`;
  text += `${plural(totals.arrived, 'number')} arrived; at most ${plural(totals.absent, 'record')} ${totals.absent === 1 ? 'is' : 'are'} missing, ${formatCount(totals.estimated)} by what is usual, ${formatCount(totals.proved)} by the log of their instance\n`;
  if (days.length > 0) {
    text += `\n${table(days.slice(0, mostDays), width)}`;
    if (days.length > mostDays)
      text += `and ${formatCount(days.length - mostDays)} more; query missing-decisions lists all\n`;
    for (const day of days)
      if (day.missingNumbers.length > 0)
        text += `\n${day.ymd} ${day.instance ?? ''}: answered, and no record came: ${missingNumbersText(day)}\n`;
    for (const grade of new Set(days.map(({ grade }) => grade))) text += `\n${grade}: ${grades[grade]}`;
    text += '\n';
  }
  if (beyondTolerance > 0)
    text += `\n${plural(beyondTolerance, 'instance')} beyond what sources[].sequence.tolerate allows\n`;
  return `${text}\n`;
}

const table = (days: readonly ProducerDay[], width: number | undefined): string =>
  textTable(
    [
      { title: 'day' },
      { title: 'instance' },
      { title: 'grade' },
      { title: 'numbers' },
      { title: 'arrived', align: 'right' },
      { title: 'at most', align: 'right' },
      { title: 'usual', align: 'right' },
      { title: 'proved', align: 'right' },
      { title: 'gap', align: 'right' },
    ],
    days.map(({ ymd, instance, grade, first, last, arrived, proved, absent, estimated, longestGap }) => [
      ymd,
      instance ?? '(none named)',
      grade,
      first === null ? '' : `${first} to ${last}`,
      formatCount(arrived),
      formatCount(absent),
      formatCount(estimated),
      formatCount(countOf(proved)),
      formatCount(longestGap),
    ]),
    { width },
  );
