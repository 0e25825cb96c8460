import { describe, expect, it } from 'vitest';
import { isConnectionText, parseConnectionText } from '../../../../src/postgres/server/connection-text.ts';
import { ConnectionParameterError } from '../../../../src/postgres/server/errors.ts';
import { connectionSettings } from '../../../../src/postgres/server/settings.ts';

const known = new Set(Object.keys(connectionSettings));

function parse(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(parseConnectionText(text, known));
}

describe('a connection string', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['postgresql://', {}],
    ['postgres://localhost', { host: 'localhost' }],
    ['postgresql://localhost:5433', { host: 'localhost', port: '5433' }],
    ['postgresql://localhost/mydb', { host: 'localhost', dbname: 'mydb' }],
    ['postgresql://user@localhost', { user: 'user', host: 'localhost' }],
    ['postgresql://user:a%3Ab%40c@localhost', { user: 'user', password: 'a:b@c', host: 'localhost' }],
    ['postgresql://user:@localhost', { user: 'user', host: 'localhost' }],
    ['postgresql://user:a:b@localhost', { user: 'user', password: 'a:b', host: 'localhost' }],
    [
      'postgresql://other@localhost/db?connect_timeout=10&application_name=my%20app',
      { user: 'other', host: 'localhost', dbname: 'db', connect_timeout: '10', application_name: 'my app' },
    ],
    [
      'postgresql://host1:123,host2:456/db?target_session_attrs=any',
      { host: 'host1,host2', port: '123,456', dbname: 'db', target_session_attrs: 'any' },
    ],
    ['postgresql://host1,host2:456/', { host: 'host1,host2', port: ',456' }],
    ['postgresql:///db?host=localhost&port=5433', { dbname: 'db', host: 'localhost', port: '5433' }],
    ['postgresql://[2001:db8::1234]:5433/db', { host: '2001:db8::1234', port: '5433', dbname: 'db' }],
    ['postgresql://%2Fvar%2Frun%2Fpg/db', { host: '/var/run/pg', dbname: 'db' }],
    ['postgresql://host?sslmode=verify-full', { host: 'host', sslmode: 'verify-full' }],
    ['postgresql://host/db?ssl=true', { host: 'host', dbname: 'db', sslmode: 'require' }],
    ['postgresql://host/db?keepalives_idle=3', { host: 'host', dbname: 'db' }],
  ])('%s is read as libpq reads it', (text, parameters) => {
    expect(parse(text)).toEqual(parameters);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['', {}],
    ['host=localhost', { host: 'localhost' }],
    ['  host = localhost   port= 5433 ', { host: 'localhost', port: '5433' }],
    [String.raw`password='it\'s a \\ secret' user=me`, { password: String.raw`it's a \ secret`, user: 'me' }],
    [String.raw`user=a\ b`, { user: 'a b' }],
    ["password='' user=x", { password: '', user: 'x' }],
    ["options='-c geqo=off'", { options: '-c geqo=off' }],
    ["user=o'neill", { user: "o'neill" }],
  ])('%s is read as a list of parameters', (text, parameters) => {
    expect(parse(text)).toEqual(parameters);
  });

  it.each([
    'postgresql://user:secret@[::1',
    'postgresql://user:secret@host:port',
    'postgresql://user:secret%zz@host',
    'postgresql://user:secret%00@host',
    'postgresql://user:secret@host/db?novalue',
    'postgresql://user:secret@host/db?a=b=c',
    'postgresql://user:secret@host/db?schema=public',
    'host=a password=secret port',
    "password='secret",
    'password=secret nonsense=1',
    'secret',
  ])('is refused without showing what may be secret: %s', (text) => {
    const refusal = expect(() => parse(text));
    refusal.toThrow(ConnectionParameterError);
    refusal.toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') as string }));
  });

  it('names the parameter that it does not know', () => {
    expect(() => parse('postgresql://host/?sslmod=require')).toThrow(/unknown parameter "sslmod"/);
  });

  it('is told from the address of some other database', () => {
    for (const text of ['postgres://h', 'postgresql://h', 'host=h', ' user = u'])
      expect(isConnectionText(text)).toBe(true);
    for (const text of ['mysql://u:p@h/db', 'sqlite:file.db', 'mongodb://h/?a=b', 'db']) {
      expect(isConnectionText(text)).toBe(false);
    }
  });
});
