import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlainly } from '../../../src/cli/arguments.ts';
import { interpret } from '../../../src/cli/program.ts';
import { defineCommand } from '../../../src/commands/command.ts';

const command = defineCommand({
  name: 'fetch',
  summary: 'Fetch.',
  positionals: [
    { name: 'directory', text: 'Where to.', required: true },
    { name: 'backup', text: 'What.', required: false },
  ],
  options: {
    full: { type: 'boolean', short: 'f', text: 'All of it.' },
    mask: { type: 'string', short: 'm', text: 'Which files.' },
  },
  examples: [],
  run: () => Promise.resolve(undefined),
});

// Not `true`: yargs takes it for the value of a boolean before it; the plain parser, as WAL-G, for an argument.
const word = fc.constantFrom('a', '/srv/x y', '0001', '1e3', 'LATEST', 'x=y', 'ü');
const piece = fc.oneof(
  word.map((one) => [one]),
  fc.constantFrom(['--full'], ['-f'], ['--full=true']),
  word.map((one) => ['--mask', one]),
  word.map((one) => [`--mask=${one}`]),
  word.map((one) => ['-m', one]),
);

describe('the plain parser and yargs', () => {
  it('understand the same of what both understand', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 4 }), async (pieces) => {
        const args = pieces.flat();
        const plain = parsePlainly(command, args);
        const request = interpret(['fetch', ...args], {
          name: 'walvault',
          entries: [{ name: 'fetch', load: () => Promise.resolve(command) }],
        });
        if (plain === undefined) await expect(request).rejects.toMatchObject({ kind: 'usage' });
        else expect(await request).toEqual({ kind: 'run', command, args: plain });
      }),
      { numRuns: 150 },
    );
  }, 30_000);
});
