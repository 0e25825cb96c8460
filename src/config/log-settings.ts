/** Where the log goes and what is in it. */
import { oneOf, path } from './parsers.ts';
import { setting, optionalSetting } from './setting.ts';

/** `WALG_LOG_*`. */
export const logSettings = {
  level: setting(
    'WALG_LOG_LEVEL',
    oneOf('NORMAL', 'DEVEL', 'ERROR'),
    'NORMAL',
    'What is logged: NORMAL leaves out debugging, DEVEL tells everything (also all settings, secrets masked), ERROR only why a run failed.',
  ),
  destination: optionalSetting(
    'WALG_LOG_DESTINATION',
    path,
    'A file that log lines are appended to. Unset, or the word stderr: standard error.',
  ),
  format: setting(
    'WALG_LOG_FORMAT',
    oneOf('text', 'json'),
    'text',
    'Form of log lines: text as WAL-G writes it, or one JSON object a line. Not a setting of WAL-G.',
  ),
};
