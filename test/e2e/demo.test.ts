import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');
const packaged = existsSync(join(root, 'node_modules', `pg17-${process.platform}-${process.arch}`));

describe('the demo', () => {
  it.skipIf(!packaged && process.env['CI'] !== 'true')('tells its story to the good end and cleans up', () => {
    const done = spawnSync(process.execPath, [join(root, 'testtools', 'demo', 'main.ts')], {
      encoding: 'utf8',
      cwd: root,
    });
    expect(done.status, done.stdout + done.stderr).toBe(0);
    expect(done.stdout).toContain('Every row is back.');
    expect(done.stdout).toContain('DROP TABLE');
    expect(existsSync(join(root, 'demo-work'))).toBe(false);
  });
});
