import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { readParameters } from '../../../../src/postgres/server/parameters.ts';
import type { Parameters } from '../../../../src/postgres/server/parameters.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

function read(environment: Readonly<Record<string, string>>): Parameters {
  return readParameters(rawSettings(environment), undefined);
}

describe('the parameters of a connection', () => {
  it('have defaults where libpq has them', () => {
    const parameters = read({});
    expect(parameters.get('host')).toBeUndefined();
    expect(parameters.get('application_name')).toBe('wal-g');
    expect(parameters.originOf('application_name')).toBeUndefined();
  });

  it('come from the connection string before the service, and from that before the variables', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'services');
    writeFileSync(file, '[s]\nhost=of-service\nport=2\nuser=of-service\n');
    const parameters = read({
      DATABASE_URL: 'postgresql://of-url/?service=s',
      PGSERVICEFILE: file,
      PGUSER: 'of-variable',
      PGDATABASE: 'of-variable',
    });
    expect(parameters.get('host')).toBe('of-url');
    expect(parameters.originOf('host')).toBe('host in DATABASE_URL');
    expect(parameters.get('user')).toBe('of-service');
    expect(parameters.originOf('user')).toBe('user in the service "s"');
    expect(parameters.get('dbname')).toBe('of-variable');
    expect(parameters.originOf('dbname')).toBe('PGDATABASE');
  });

  it.each(['PGHOST', 'PGHOSTADDR'])('leave DATABASE_URL alone when %s names the server', (name) => {
    const parameters = read({ [name]: '10.0.0.1', DATABASE_URL: 'postgresql://elsewhere:1/db' });
    expect(parameters.get('port')).toBeUndefined();
    expect(parameters.ignoredUrl).toBe('other variables');
  });

  it('leave DATABASE_URL alone when it is for another kind of database', () => {
    expect(read({ DATABASE_URL: 'mysql://root:x@host/db' }).ignoredUrl).toBe('other database');
    expect(read({ DATABASE_URL: 'postgresql://host/db' }).ignoredUrl).toBeUndefined();
  });

  it('say which variable is wrong, and what it may be', () => {
    expect(() => read({ PGSSLMODE: 'ful' }).word('sslmode', ['prefer', 'verify-full'])).toThrow(
      'invalid value of PGSSLMODE: "ful"; allowed: prefer, verify-full',
    );
    expect(() => read({ DATABASE_URL: 'sslmode=ful' }).word('sslmode', ['prefer'])).toThrow('sslmode in DATABASE_URL');
    for (const text of ['x', '1.5', '', '99999999999', '-2']) {
      const given = read({ PGCONNECT_TIMEOUT: text === '' ? ' ' : text });
      expect(() => given.integer('connect_timeout', { min: -1, max: 100 })).toThrow('PGCONNECT_TIMEOUT');
    }
    expect(read({ PGCONNECT_TIMEOUT: ' 7 ' }).integer('connect_timeout', { min: -1, max: 100 })).toBe(7);
  });
});
