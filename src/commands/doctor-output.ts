/** The checks of `doctor` as text and as JSON. */
import type { Area, Check, Outcome } from '../doctor/check.ts';

const areas: Readonly<Record<Area, string>> = {
  settings: 'Settings',
  encryption: 'Compression and keys',
  storage: 'Storage',
  database: 'Database server',
  archiving: 'WAL archiving',
};

const nameWidth = 24;

/** One check as lines; `previous` tells whether a heading is due. */
export function checkText({ area, storage, name, outcome, text, hint }: Check, previous: Check | undefined): string {
  const title = storage === undefined ? areas[area] : `${areas[area]} "${storage}"`;
  const isSame = area === previous?.area && storage === previous.storage;
  const heading = isSame ? '' : `${previous === undefined ? '' : '\n'}${title}\n`;
  const line = `  ${outcome.padEnd(4)}  ${name.padEnd(nameWidth)}  ${text}\n`;
  const advice = hint === undefined || outcome === 'skip' ? '' : `${' '.repeat(nameWidth + 10)}${hint}\n`;
  return heading + line + advice;
}

/** The last line. */
export function summaryText(checks: readonly Check[]): string {
  const count = (outcome: Outcome): number => checks.filter((one) => one.outcome === outcome).length;
  const fails = count('fail');
  const parts = [
    `${count('ok')} ok`,
    `${count('warn')} warning${count('warn') === 1 ? '' : 's'}`,
    `${fails} failed`,
    `${count('skip')} not tried`,
  ];
  return `\n${parts.join(', ')}\n`;
}

/** For programs. Areas, names and outcomes are stable. */
export function doctorJson(checks: readonly Check[]): string {
  return JSON.stringify({
    ok: checks.every(({ outcome }) => outcome !== 'fail'),
    checks: checks.map(({ area, storage, name, outcome, text, hint, figures, kind }) => ({
      area,
      storage: storage ?? null,
      name,
      outcome,
      text,
      hint: hint ?? null,
      kind: kind ?? null,
      figures: figures ?? {},
    })),
  });
}
