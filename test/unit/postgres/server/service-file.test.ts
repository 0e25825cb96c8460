import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findService, readService } from '../../../../src/postgres/server/service-file.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

describe('a service file', () => {
  it('gives the parameters of the section with the name', () => {
    const text = '# all\n\n[a]\nhost=x\n[b]\r\n host=y \nport=1\nport=2\npassword=p=q\n[c]\nhost=z\n';
    expect(findService(text, 'b', 'f')).toEqual(
      new Map([
        ['host', 'y'],
        ['port', '1'],
        ['password', 'p=q'],
      ]),
    );
    expect(findService(text, 'd', 'f')).toBeUndefined();
  });

  it.each(['nonsense', '=x', 'service=b'])('is refused when the section has the line %s', (line) => {
    expect(() => findService(`[a]\nhost=x\n${line}\n`, 'a', 'f')).toThrow('line 3 of "f" is no connection parameter');
    expect(findService(`[a]\nhost=x\n[b]\n${line}\n`, 'a', 'f')?.get('host')).toBe('x');
  });

  it('is looked for at home and then in the system, unless one is named', async () => {
    await using directory = await temporaryDirectory();
    const [home, systemDirectory] = ['home', 'system'].map((name) => join(directory.path, name)) as [string, string];
    const named = join(directory.path, 'named');
    mkdirSync(home);
    mkdirSync(systemDirectory);
    writeFileSync(join(home, '.pg_service.conf'), '[a]\nhost=home\n');
    writeFileSync(join(systemDirectory, 'pg_service.conf'), '[a]\nhost=system\n[b]\nhost=system\n');
    const hostOf = (service: string, file?: string): string | undefined =>
      readService(service, { named: file, home, systemDirectory }).get('host');
    expect(hostOf('a')).toBe('home');
    expect(hostOf('b')).toBe('system');
    expect(() => hostOf('c')).toThrow('service not found: "c"');
    expect(() => hostOf('a', named)).toThrow('service file not found');
    writeFileSync(named, '[a]\nhost=named\n');
    expect(hostOf('a', named)).toBe('named');
  });
});
