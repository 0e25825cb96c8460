/** The retention policy as settings; flags of `delete policy` go before each. */
import { integer } from '../../config/parsers.ts';
import { optionalSetting, readSettings, type Parser, type RawSettings } from '../../config/setting.ts';
import type { RetentionPolicy } from './policy.ts';

const count = integer({ min: 1, max: 1_000_000 });

const unitMs = new Map([
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]);

/** A length of time in weeks, days, hours, minutes and seconds: `14d`, `36h`, `1w2d`; the value is in milliseconds. */
export const windowLength: Parser<number> = {
  type: 'duration',
  allowed: 'a duration such as 14d, 36h, 2w or 1d12h',
  parse(value) {
    const trimmed = value.trim();
    if (trimmed === '0') return 0;
    const [, ...numbers] =
      /^(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(trimmed) ?? [];
    const total = [...unitMs.values()].reduce((sum, unit, at) => sum + Number(numbers[at] ?? 0) * unit, 0);
    if (trimmed === '' || numbers.length === 0 || !Number.isSafeInteger(total)) throw new Error('not a duration');
    return total;
  },
};

/** Settings `WALG_RETENTION_…`. */
export const retentionSettings = {
  keepLast: optionalSetting('WALG_RETENTION_KEEP_LAST', count, 'delete policy keeps so many of the newest backups.'),
  keepDaily: optionalSetting(
    'WALG_RETENTION_KEEP_DAILY',
    count,
    'delete policy keeps the newest backup of so many days, the newest days that have one. Days are in UTC.',
  ),
  keepWeekly: optionalSetting('WALG_RETENTION_KEEP_WEEKLY', count, 'The same with weeks, which begin on Monday.'),
  keepMonthly: optionalSetting('WALG_RETENTION_KEEP_MONTHLY', count, 'The same with months.'),
  keepYearly: optionalSetting('WALG_RETENTION_KEEP_YEARLY', count, 'The same with years.'),
  pitrWindowMs: optionalSetting(
    'WALG_RETENTION_PITR_WINDOW',
    windowLength,
    'delete policy keeps what recovery to every moment of this last length of time needs: backups, and WAL without a gap. Backups that are older keep only the WAL that makes them consistent.',
  ),
};

/** Flags of a command for lines of the policy, in its spelling, by the names of {@link RetentionPolicy}. */
export const policyFlags: Readonly<Record<keyof RetentionPolicy, string>> = {
  keepLast: 'keep-last',
  keepDaily: 'keep-daily',
  keepWeekly: 'keep-weekly',
  keepMonthly: 'keep-monthly',
  keepYearly: 'keep-yearly',
  pitrWindowMs: 'pitr-window',
};

/** The policy that is configured; undefined when no line is. @throws SettingError */
export function configuredPolicy(raw: RawSettings): RetentionPolicy | undefined {
  const policy = readSettings(retentionSettings, raw);
  return Object.values(policy).every((limit) => limit === undefined) ? undefined : policy;
}
