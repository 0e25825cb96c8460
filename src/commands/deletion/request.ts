/** The words behind `delete …` as rules. */
import { selectorOfName } from '../../catalog/backup-store.ts';
import { parseTime } from '../../catalog/time.ts';
import type { Parser } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { integer } from '../../config/parsers.ts';
import type { RetentionPolicy } from '../../catalog/retention/policy.ts';
import { configuredPolicy, policyFlags, windowLength } from '../../catalog/retention/settings.ts';
import type {
  BackupPoint,
  BeforeRule,
  EverythingRule,
  GarbageRule,
  RetainRule,
  TargetRule,
} from '../../catalog/retention/rule.ts';
import type { RawSettings } from '../../config/setting.ts';
import type { Arguments } from '../command.ts';
import { parseUserData } from '../postgres/user-data.ts';

const findFullWord = 'FIND_FULL';
const fullWord = 'FULL';

/** `[FULL|FIND_FULL] N [--after NAME|TIME]`. @throws ArchiverError (`usage`) */
export function retainRule({ positionals, options }: Arguments): RetainRule {
  const [first = '', second] = atMostTwo(positionals);
  const modifier = first === fullWord ? 'full' : first === findFullWord ? 'find full' : undefined;
  const text = modifier === undefined ? first : second;
  if (modifier === undefined && second !== undefined) throw unknownWord(first, [fullWord, findFullWord]);
  if (text === undefined) throw new ArchiverError('usage', 'how many backups are to be kept?');
  if (!/^\d{1,9}$/.test(text)) throw new ArchiverError('usage', `not a number of backups: ${JSON.stringify(text)}`);
  const count = Number(text);
  if (count < 1) {
    throw new ArchiverError('usage', 'cannot retain less than one backup', {
      hint: 'To delete all of them there is "delete everything".',
    });
  }
  const after = options['after'];
  return { kind: 'retain', count, modifier, after: typeof after === 'string' ? pointOf(after) : undefined };
}

/** `[FIND_FULL] NAME|TIME`. @throws ArchiverError (`usage`) */
export function beforeRule({ positionals }: Arguments): BeforeRule {
  const [first = '', second] = atMostTwo(positionals);
  if (first === fullWord) {
    throw new ArchiverError('usage', '"FULL" means nothing to "delete before"', {
      hint: 'Use FIND_FULL to go back to the full backup that is needed.',
    });
  }
  const findFull = first === findFullWord;
  if (!findFull && second !== undefined) throw unknownWord(first, [findFullWord]);
  const text = findFull ? second : first;
  if (text === undefined) throw new ArchiverError('usage', 'before which backup or time?');
  return { kind: 'before', point: pointOf(text), findFull };
}

/** `[FIND_FULL] NAME | --target-user-data JSON`. @throws ArchiverError (`usage`) */
export function targetRule({ positionals, options }: Arguments): TargetRule {
  const [first, second] = atMostTwo(positionals);
  const findFull = first === findFullWord;
  if (!findFull && first !== undefined && second !== undefined) throw unknownWord(first, [findFullWord]);
  const name = findFull ? second : first;
  const userData = options['target-user-data'];
  if ((name === undefined) === (typeof userData !== 'string')) {
    throw new ArchiverError('usage', 'give either the name of a backup or --target-user-data');
  }
  if (typeof userData === 'string') {
    const value = parseUserData(userData, '--target-user-data');
    return { kind: 'target', selector: { by: 'userData', userData: value }, findFull };
  }
  return { kind: 'target', selector: selectorOfName(name ?? ''), findFull };
}

/** `[FORCE]`. @throws ArchiverError (`usage`) */
export function everythingRule({ positionals: [word] }: Arguments): EverythingRule {
  if (word !== undefined && word !== 'FORCE') throw unknownWord(word, ['FORCE']);
  return { kind: 'everything', force: word === 'FORCE' };
}

/** `[ARCHIVES|BACKUPS] [--without-backup-check]`. @throws ArchiverError (`usage`) */
export function garbageRule({ positionals: [word], options }: Arguments): GarbageRule {
  if (word !== undefined && word !== 'ARCHIVES' && word !== 'BACKUPS') throw unknownWord(word, ['ARCHIVES', 'BACKUPS']);
  const part = word === 'ARCHIVES' ? 'archives' : word === 'BACKUPS' ? 'backups' : 'all';
  return { kind: 'garbage', part, withoutBackupCheck: options['without-backup-check'] === true };
}

/** The policy of the settings, with what flags say instead. @throws ArchiverError (`usage`), SettingError */
export function policyOf(settings: RawSettings, { options }: Pick<Arguments, 'options'>): RetentionPolicy {
  const count = integer({ min: 1, max: 1_000_000 });
  const given = (flag: string, parser: Parser<number>): number | undefined => {
    const text = options[flag];
    if (typeof text !== 'string') return undefined;
    try {
      return parser.parse(text);
    } catch (cause) {
      const message = `invalid value of --${flag}: ${JSON.stringify(text)}; allowed: ${parser.allowed}`;
      throw new ArchiverError('usage', message, { cause });
    }
  };
  const configured = configuredPolicy(settings);
  return {
    keepLast: given(policyFlags.keepLast, count) ?? configured?.keepLast,
    keepDaily: given(policyFlags.keepDaily, count) ?? configured?.keepDaily,
    keepWeekly: given(policyFlags.keepWeekly, count) ?? configured?.keepWeekly,
    keepMonthly: given(policyFlags.keepMonthly, count) ?? configured?.keepMonthly,
    keepYearly: given(policyFlags.keepYearly, count) ?? configured?.keepYearly,
    pitrWindowMs: given(policyFlags.pitrWindowMs, windowLength) ?? configured?.pitrWindowMs,
  };
}

/** A name or a time. A time without its zone would be nobody knows when, and is no name either. */
function pointOf(text: string): BackupPoint {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return { by: 'name', name: text };
  try {
    return { by: 'time', time: parseTime(text) };
  } catch (cause) {
    throw new ArchiverError('usage', `not a time with a zone: ${JSON.stringify(text)}`, {
      cause,
      hint: 'Write it like 2026-11-21T03:32:48Z or 2026-11-21T04:32:48+01:00.',
    });
  }
}

function atMostTwo(words: readonly string[]): readonly string[] {
  if (words.length > 2) throw new ArchiverError('usage', `too many arguments: ${words.slice(2).join(' ')}`);
  return words;
}

function unknownWord(word: string, allowed: readonly string[]): ArchiverError {
  const words = allowed.map((one) => JSON.stringify(one)).join(' or ');
  return new ArchiverError('usage', `unknown word ${JSON.stringify(word)}; there may be ${words}`);
}
