import { describe, expect, it } from 'vitest';
import { statusPage } from '../../../../../src/commands/postgres/status-output/view.ts';
import { problemsOf } from '../../../../../src/postgres/status/problems.ts';
import { madeInventory } from '../../../../../testtools/made-inventory.ts';
import { madeStatus } from '../../../../../testtools/made-status.ts';

describe('statusPage', () => {
  it('needs nothing beside itself, and runs nothing', () => {
    const status = madeStatus();
    const page = statusPage(status, problemsOf(status));
    expect(page).not.toMatch(/<script|\son\w+=|src=|href=|url\(|@import/i);
    expect(page).toContain("default-src 'none'");
  });

  it('shows what others wrote as text', () => {
    const hostile = '"><script>alert(1)</script>';
    const inventory = madeInventory({ backups: [{ start: '0/2000028', finish: '0/2000100' }], segments: { 1: [2] } });
    const page = statusPage(
      madeStatus({
        location: `s3://${hostile}`,
        server: { kind: 'failed', reason: hostile, hint: hostile },
        inventories: [{ ...inventory, storageName: hostile }],
        storagesAway: [hostile],
      }),
      [{ severity: 'warning', name: 'x', text: hostile, hint: hostile, kind: 'config' }],
    );
    expect(page).not.toContain('<script');
    expect(page.split('&quot;&gt;&lt;script&gt;').length).toBeGreaterThan(5);
  });

  it('is whole for an empty archive', () => {
    const status = madeStatus({ inventories: [madeInventory({})], server: { kind: 'none' }, policy: undefined });
    const page = statusPage(status, problemsOf(status));
    expect(page).toContain('there is no backup');
    expect(page).not.toContain('<svg');
    expect(page.endsWith('</html>\n')).toBe(true);
  });
});
