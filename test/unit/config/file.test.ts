import { describe, expect, it } from 'vitest';
import { parseConfigFile } from '../../../src/config/file.ts';

describe('a configuration file', () => {
  it('keeps the digits of large numbers and the words of booleans, in every format', async () => {
    const files = {
      json: '{"walg_a": 12345678901234567890, "B": true, "C": "x", "D": null, "E": ""}',
      yaml: 'walg_a: 12345678901234567890\nB: true\nC: x\nE: ""\n',
      yml: '# comment\nwalg_a: 12345678901234567890\nB: true\nC: "x"\n',
      toml: 'walg_a = "12345678901234567890"\nB = true\nC = "x"\n',
      env: '# comment\nwalg_a=12345678901234567890\nexport B=true\nC="x"\nE=\n',
    };
    for (const [extension, content] of Object.entries(files)) {
      expect(Object.fromEntries(await parseConfigFile(content, extension)), extension).toEqual({
        WALG_A: '12345678901234567890',
        B: 'true',
        C: 'x',
      });
    }
  });

  it('does not take yes, no or octal-looking texts of YAML for anything but text', async () => {
    const texts = await parseConfigFile('A: no\nB: 0123\nC: 1e3\n', 'yaml');
    expect(Object.fromEntries(texts)).toEqual({ A: 'no', B: '0123', C: '1e3' });
  });

  it('makes JSON of maps', async () => {
    const texts = await parseConfigFile('{"WALG_STATSD_EXTRA_TAGS": {"host": "h1"}}', 'json');
    expect(texts.get('WALG_STATSD_EXTRA_TAGS')).toBe('{"host":"h1"}');
  });

  it('takes a byte order mark and an empty YAML file', async () => {
    expect((await parseConfigFile('\uFEFF{"A":"1"}', 'JSON')).get('A')).toBe('1');
    expect((await parseConfigFile('', 'yaml')).size).toBe(0);
  });

  it('is refused when it is no map or of no known format', async () => {
    for (const [content, extension] of [
      ['[1]', 'json'],
      ['"x"', 'json'],
      ['- a\n', 'yaml'],
      ['a=1', 'ini'],
      ['a=1', ''],
      ['{', 'json'],
    ] as const) {
      await expect(parseConfigFile(content, extension), `${extension}: ${content}`).rejects.toThrow(
        expect.objectContaining({ kind: 'config' }),
      );
    }
  });
});
