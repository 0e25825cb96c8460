import { describe, expect, it } from 'vitest';
import {
  formatRecoverySettings,
  quoteSetting,
  restoreCommandOf,
} from '../../../../src/postgres/recovery/recovery-settings.ts';
import { parseInstant } from '../../../../src/postgres/recovery/instant.ts';

describe('formatRecoverySettings', () => {
  it('sets one target, after it emptied all others, which an earlier recovery may have left', () => {
    const request = {
      target: { kind: 'time', instant: parseInstant('2026-11-21 04:04:03.5Z') },
      timeline: 'latest',
      inclusive: false,
      action: 'promote',
    } as const;
    expect(formatRecoverySettings(request, `/bin/walvault wal-fetch "%f" "%p"`)).toBe(`
# Recovery, by walvault backup-fetch
restore_command = '/bin/walvault wal-fetch "%f" "%p"'
recovery_target_timeline = 'latest'
recovery_target_inclusive = 'false'
recovery_target_action = 'promote'
recovery_min_apply_delay = '0'
recovery_target = ''
recovery_target_name = ''
recovery_target_xid = ''
recovery_target_lsn = ''
recovery_target_time = '2026-11-21 04:04:03.5+00'
`);
  });

  it('sets none to recover everything', () => {
    const text = formatRecoverySettings(
      { target: { kind: 'end' }, timeline: 3, inclusive: true, action: undefined },
      'x',
    );
    expect(text).toContain("recovery_target_timeline = '3'");
    expect(text.match(/^recovery_target\w* = ''$/gm)).toHaveLength(5);
  });
});

describe('quoteSetting', () => {
  it('doubles quotes and backslashes', () => {
    expect(quoteSetting(`it's a \\ path`)).toBe(`'it''s a \\\\ path'`);
  });
});

describe('restoreCommandOf', () => {
  it('gives the server a command line that the shell and its own % leave alone', () => {
    expect(restoreCommandOf(['/opt/wal vault/100%/walvault'], ['--config', `/etc/o'brien.json`])).toBe(
      `'/opt/wal vault/100%%/walvault' wal-fetch --config '/etc/o'\\''brien.json' "%f" "%p"`,
    );
    expect(restoreCommandOf(['/usr/bin/node', '/x/main.ts'])).toBe('/usr/bin/node /x/main.ts wal-fetch "%f" "%p"');
  });
});
