/** Settings of pushes that go on where another was cut off. */
import { boolean, byteSize } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** Whether, and from which size on. */
export const resumeSettings = {
  resume: setting(
    'WALG_PUSH_RESUME',
    boolean,
    'true',
    'Let a full backup-push go on where another one was cut off: parts that are stored and whose files have not changed since are not read or sent again. (walvault only)',
  ),
  resumeMinSize: setting(
    'WALG_PUSH_RESUME_MIN_SIZE',
    byteSize(),
    '1gb',
    'Only for clusters of at least this size; what a smaller one has stored when it fails is removed. (walvault only)',
  ),
};
