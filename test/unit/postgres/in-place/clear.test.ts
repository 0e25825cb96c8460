import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeOutOfService } from '../../../../src/postgres/in-place/clear.ts';

describe('takeOutOfService', () => {
  let folder: string;
  const control = () => join(folder, 'global', 'pg_control');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'clear-'));
    mkdirSync(join(folder, 'global'));
    writeFileSync(control(), 'control');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('takes the control file away, also a second time', () => {
    takeOutOfService(folder);
    expect(readdirSync(join(folder, 'global'))).toEqual([]);
    takeOutOfService(folder);
    expect(existsSync(control())).toBe(false);
  });

  it('leaves a server alone that has started since it was looked at', () => {
    writeFileSync(join(folder, 'postmaster.pid'), `${process.pid}\n`);
    expect(() => {
      takeOutOfService(folder);
    }).toThrow(expect.objectContaining({ kind: 'busy' }) as Error);
    expect(readFileSync(control(), 'utf8')).toBe('control');
    expect(readdirSync(join(folder, 'global'))).toEqual(['pg_control']);
  });
});
