import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { startPostgres } from '../../testtools/postgres/server.ts';

describe.each(testedMajors())('a test server of PostgreSQL %i', (major) => {
  it('answers over its socket, survives a crash and leaves nothing behind', async () => {
    const server = await startPostgres({ major, archiveCommand: "true 'a b' %p" });
    const directory = server.dataDirectory;
    try {
      expect(await server.value('show server_version_num')).toMatch(new RegExp(`^${major}00`));
      expect(await server.value('show archive_command')).toBe("true 'a b' %p");
      await server.query('create table t as select 1 as one; checkpoint');
      await server.crash();
      expect(server.running).toBe(false);
      await expect(server.query('select 1')).rejects.toThrow(/ENOENT|ECONNREFUSED/);
      await server.start({ work_mem: '1MB' });
      expect(await server.query('select one, null as nothing from t')).toEqual([{ one: '1', nothing: null }]);
      expect(await server.value('show work_mem')).toBe('1MB');
      await server.stop('fast');
      expect(await server.exited()).toBe(0);
    } finally {
      await server[Symbol.asyncDispose]();
    }
    expect(existsSync(directory)).toBe(false);
  });
});

describe.runIf(testedMajors().length > 0)('the launcher of test servers', () => {
  const major = testedMajors().at(-1) ?? 0;

  it('tells the end of the log of a server that does not start', async () => {
    await expect(startPostgres({ major, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(/shared_buffers/);
  });

  it('leaves no server behind when the process that started it is killed', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'wv-kill-'));
    const file = join(temporary, 'pid');
    const script = `
      import { writeFileSync, readFileSync } from 'node:fs';
      const { startPostgres } = await import(${JSON.stringify(resolve('testtools/postgres/server.ts'))});
      const server = await startPostgres({ major: ${major} });
      writeFileSync(${JSON.stringify(file)}, readFileSync(server.dataDirectory + '/postmaster.pid'));
      process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    const [pid, directory] = readFileSync(file, 'utf8').split('\n');
    expect(Number(pid)).toBeGreaterThan(1);
    await expect.poll(() => existsSync(join(String(directory), 'postmaster.pid')), { timeout: 20_000 }).toBe(false);
    for (const path of [temporary, dirname(String(directory))]) rmSync(path, { recursive: true });
  });
});
