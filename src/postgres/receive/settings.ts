/** Settings of `wal-receive`. */
import { duration } from '../../config/parsers.ts';
import { setting, type Parser } from '../../config/setting.ts';

const slotName: Parser<string> = {
  type: 'text',
  allowed: '1 to 63 letters, digits and underscores',
  parse(text) {
    if (!/^\w{1,63}$/.test(text)) throw new Error('not the name of a slot');
    return text;
  },
};

/** Of `wal-receive`. */
export const receiveSettings = {
  slot: setting(
    'WALG_SLOTNAME',
    slotName,
    'walg',
    'Replication slot of wal-receive; it is made when there is none. A receiver needs one of its own.',
  ),
  partialIntervalMs: setting(
    'WALG_RECEIVE_PARTIAL_INTERVAL',
    duration,
    '10s',
    'How often wal-receive stores the segment that is not whole yet, if it has grown: what is lost at most with the server. 0: only when the stream ends. Not a setting of WAL-G.',
  ),
};
