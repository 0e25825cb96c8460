import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { bashScript, zshScript } from '../../../src/cli/completion.ts';
import { defineCommand } from '../../../src/commands/command.ts';

const command = defineCommand({
  name: 'backup-list',
  summary: "List what's there: all of it.",
  positionals: [],
  options: {
    json: { type: 'boolean', text: "As JSON, for a program's eyes [machines]: all." },
    'target-storage': { type: 'string', text: 'Which.' },
  },
  examples: [],
  run: () => Promise.resolve(undefined),
});

const nested = defineCommand({ ...command, name: 'key check', options: { all: { type: 'boolean', text: 'All.' } } });

const noBash = spawnSync('bash', ['-c', ':']).status !== 0;

function complete(words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${bashScript('wal-g', [command, nested])}
    COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _wal_g; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout.trim().split('\n');
}

describe('completion', () => {
  it.skipIf(noBash)('of bash gives commands, then options', () => {
    expect(complete(['wal-g', 'back'])).toEqual(['backup-list']);
    expect(complete(['wal-g', 'backup-list', '--t'])).toEqual(['--target-storage', '--turbo']);
    expect(complete(['wal-g', 'nonsense', '--h'])).toEqual(['--help']);
  });

  it.skipIf(noBash)('of bash gives the words of a name one by one', () => {
    expect(complete(['wal-g', 'k'])).toEqual(['key']);
    expect(complete(['wal-g', 'key', ''])).toEqual(['check']);
    expect(complete(['wal-g', 'key', 'check', '--'])).toEqual(['--all', '--config', '--turbo', '--help']);
    expect(complete(['wal-g', 'key', '--'])).toEqual(['--config', '--turbo', '--help']);
  });

  it.skipIf(noBash)('of bash goes on after the name of a database', () => {
    expect(complete(['wal-g', 'my'])).toEqual(['mysql']);
    expect(complete(['wal-g', 'mysql', 'back'])).toEqual(['backup-list']);
    expect(complete(['wal-g', 'pg', 'key', 'ch'])).toEqual(['check']);
    expect(complete(['wal-g', 'mysql', 'backup-list', '--j'])).toEqual(['--json']);
  });

  it('of zsh gives the words of a name one by one', () => {
    const script = zshScript('walvault', [command, nested]);
    expect(script).toMatch(/'key'\) next=\('check:List what/);
    expect(script).toMatch(/'key check'\|'key check '\*\) _arguments '--all\[All\.\]'/);
  });

  it('of zsh quotes what its texts hold', () => {
    const script = zshScript('walvault', [command]);
    expect(script).toContain(`'backup-list:List what'\\''s there: all of it.'`);
    expect(script).toContain(`'--json[As JSON, for a program'\\''s eyes  machines   all.]'`);
    expect(script.startsWith('#compdef walvault\n')).toBe(true);
  });
});
