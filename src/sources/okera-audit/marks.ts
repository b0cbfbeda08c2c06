/** What tells an audit record of Okera from all other JSON in a log. */
import type { RecordMarks } from '../../records/envelope/marks.ts';

/** Fields that all versions have; one that lacks its id or time is still told by the others. */
const telling = ['request_time', 'request_id', 'start_unix_time', 'end_unix_time', 'auth_failure', 'connected_user'];
const needed = 3;

export const auditMarks: RecordMarks = {
  valued: [],
  isRecord(value) {
    if (Object.hasOwn(value, 'request_id') && Object.hasOwn(value, 'request_time')) return true;
    return telling.filter((name) => Object.hasOwn(value, name)).length >= needed;
  },
  isOtherLine: () => false,
  idOf: ({ request_id: id, request_time: time }) =>
    typeof id === 'string' && typeof time === 'string' ? `${time} ${id}` : undefined,
  hints: ['request_id', 'request_time', 'connected_user'],
  tellingKey: 'request_id',
};
