import { policyFlags } from '../catalog/retention/settings.ts';
import { defineCommand, type OptionSpec } from './command.ts';
import { beforeRule, everythingRule, garbageRule, policyOf, retainRule, targetRule } from './deletion/request.ts';
import { runDeletion } from './deletion/run.ts';

const common = {
  confirm: { type: 'boolean', text: 'Delete. Without it, only what would be deleted is told.' },
  json: { type: 'boolean', text: 'Print the plan as JSON.' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

const ordered = {
  ...common,
  'use-sentinel-time': {
    type: 'boolean',
    text: 'Order the backups by the times at which they were begun. Default: by their ends (and those of Postgres by their WAL).',
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

const unordered = {
  ...common,
  'use-sentinel-time': { type: 'boolean', text: 'Understood, and of no effect here, as in WAL-G.' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

const exitStatuses = {
  66: 'there is no such backup',
  69: 'a storage is unavailable, or one of several is away',
  73: 'standard output cannot be written',
  75: 'a push or another deletion is running',
  77: 'it would leave increments without what they build on, or take permanent backups; or the storage refused',
} as const;

/** `delete retain`: keeps the newest backups. */
export const deleteRetain = defineCommand({
  name: 'delete retain',
  summary: 'Delete all but the newest backups, and the WAL or binlogs before them.',
  positionals: [
    {
      name: 'count',
      text: 'How many. Before it may stand FULL: count full backups only; or FIND_FULL: go on to the next full one.',
      required: true,
      repeated: true,
    },
  ],
  options: {
    ...ordered,
    after: {
      type: 'string',
      short: 'a',
      placeholder: 'NAME|TIME',
      text: 'Keep also what is not older than this backup, or was begun since then.',
    },
  },
  examples: [
    { line: 'delete retain FULL 7', text: 'See what would go if the last seven full backups stayed.' },
    { line: 'delete retain FIND_FULL 10 --confirm', text: 'Keep ten backups and what they build on.' },
    { line: 'delete retain 5 --after 2026-11-01T00:00:00Z --confirm', text: 'Keep five, and all since then.' },
  ],
  exitStatuses,
  async run(app, args) {
    const rule = retainRule(args);
    await runDeletion(app, args, () => ({ rule }));
    return undefined;
  },
});

/** `delete before`: deletes what is older than a backup. */
export const deleteBefore = defineCommand({
  name: 'delete before',
  summary: 'Delete the backups before one, or before a time, and their WAL or binlogs.',
  positionals: [
    {
      name: 'backup_or_time',
      text: 'A name, its beginning, or a time with its zone. Before it may stand FIND_FULL: go back to the full backup that is needed.',
      required: true,
      repeated: true,
    },
  ],
  options: ordered,
  examples: [
    { line: 'delete before base_000000010000000000000042', text: 'See what is older.' },
    { line: 'delete before FIND_FULL 2026-11-01T00:00:00Z --confirm', text: 'Delete what is not needed since then.' },
  ],
  exitStatuses,
  async run(app, args) {
    const rule = beforeRule(args);
    await runDeletion(app, args, () => ({ rule }));
    return undefined;
  },
});

/** `delete target`: deletes one backup. */
export const deleteTarget = defineCommand({
  name: 'delete target',
  summary: 'Delete one backup and the increments that build on it. WAL and binlogs stay.',
  positionals: [
    {
      name: 'backup',
      text: 'Its name, or LATEST. Before it may stand FIND_FULL: and what it builds on, and all that builds on that.',
      required: false,
      repeated: true,
    },
  ],
  options: {
    ...unordered,
    'target-user-data': { type: 'string', placeholder: 'JSON', text: 'The backup that has this user data.' },
  },
  examples: [
    { line: 'delete target base_000000010000000000000042', text: 'See what would go with it.' },
    { line: 'delete target FIND_FULL LATEST --confirm', text: 'Delete the newest backup and its whole family.' },
  ],
  exitStatuses,
  async run(app, args) {
    const rule = targetRule(args);
    await runDeletion(app, args, () => ({ rule }));
    return undefined;
  },
});

/** `delete everything`: deletes the archive. */
export const deleteEverything = defineCommand({
  name: 'delete everything',
  summary: 'Delete all there is below the prefix.',
  positionals: [{ name: 'force', text: 'FORCE: permanent backups as well.', required: false }],
  options: unordered,
  examples: [
    { line: 'delete everything', text: 'See what there is.' },
    { line: 'delete everything FORCE --confirm', text: 'Delete it, permanent or not.' },
  ],
  exitStatuses,
  async run(app, args) {
    const rule = everythingRule(args);
    await runDeletion(app, args, () => ({ rule }));
    return undefined;
  },
});

/** `delete garbage`: deletes what no backup needs. */
export const deleteGarbage = defineCommand({
  name: 'delete garbage',
  summary: 'Delete WAL or binlogs that no backup needs, and what pushes that were cut off have left.',
  positionals: [
    { name: 'what', text: 'ARCHIVES: only WAL or binlogs. BACKUPS: only what pushes left.', required: false },
  ],
  options: {
    ...unordered,
    'without-backup-check': {
      type: 'boolean',
      text: 'Also when there are none but permanent backups: all WAL that those do not need to be consistent, and all binlogs.',
    },
  },
  examples: [
    { line: 'delete garbage', text: 'See what is of no use.' },
    { line: 'delete garbage ARCHIVES --confirm', text: 'Delete WAL or binlogs that no backup needs.' },
  ],
  exitStatuses,
  async run(app, args) {
    const rule = garbageRule(args);
    await runDeletion(app, args, () => ({ rule }));
    return undefined;
  },
});

const countOption = (text: string): OptionSpec => ({ type: 'string', placeholder: 'N', text });

/** `delete policy`: deletes what a policy does not keep. */
export const deletePolicy = defineCommand({
  name: 'delete policy',
  summary: 'Delete what the retention policy does not keep. (walvault only)',
  positionals: [],
  options: {
    ...common,
    [policyFlags.keepLast]: countOption('Keep so many of the newest backups.'),
    [policyFlags.keepDaily]: countOption('Keep the newest backup of so many days.'),
    [policyFlags.keepWeekly]: countOption('Keep the newest backup of so many weeks.'),
    [policyFlags.keepMonthly]: countOption('Keep the newest backup of so many months.'),
    [policyFlags.keepYearly]: countOption('Keep the newest backup of so many years.'),
    [policyFlags.pitrWindowMs]: {
      type: 'string',
      placeholder: 'LENGTH',
      text: 'Keep what recovery to every moment of this last length of time needs: 14d, 36h.',
    },
  },
  examples: [
    { line: 'delete policy', text: 'See what the policy of the settings (WALG_RETENTION_…) would delete, and why.' },
    {
      line: 'delete policy --keep-daily 7 --keep-weekly 4 --pitr-window 14d --confirm',
      text: 'Flags go before the settings.',
    },
  ],
  exitStatuses,
  async run(app, args) {
    const policy = policyOf(app.settings, args);
    await runDeletion(app, args, (archive, now) => {
      const outcome = archive.applyPolicy(policy, now);
      return { rule: { kind: 'policy', outcome }, policy: outcome.lines };
    });
    return undefined;
  },
});
