import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { formatEndpoint, isSocket, listEndpoints } from '../../../../src/postgres/server/endpoints.ts';
import type { Endpoint } from '../../../../src/postgres/server/endpoints.ts';
import { readParameters } from '../../../../src/postgres/server/parameters.ts';

function list(environment: Readonly<Record<string, string>>, random?: () => number): readonly Endpoint[] {
  return listEndpoints(readParameters(rawSettings(environment), undefined), random);
}

function places(environment: Readonly<Record<string, string>>): readonly string[] {
  return list(environment).map(formatEndpoint);
}

describe('the places to connect to', () => {
  it('end with localhost when no host is given', () => {
    expect(places({ PGPORT: '1' })).toEqual(['localhost:1']);
  });

  it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ['one host', { PGHOST: 'db' }, ['db:5432']],
    ['a socket', { PGHOST: '/run/pg', PGPORT: '5433' }, ['/run/pg/.s.PGSQL.5433']],
    ['several hosts on one port', { PGHOST: 'a,b', PGPORT: '7' }, ['a:7', 'b:7']],
    ['a port for each', { PGHOST: 'a, /s ,b', PGPORT: '1,2,' }, ['a:1', '/s/.s.PGSQL.2', 'b:5432']],
    ['an IPv6 address', { PGHOST: '::1' }, ['[::1]:5432']],
    ['addresses only', { PGHOSTADDR: '10.0.0.1,10.0.0.2' }, ['10.0.0.1:5432', '10.0.0.2:5432']],
  ])('are those given: %s', (_, environment, expected) => {
    expect(places(environment)).toEqual(expected);
  });

  it('keep the name beside the address that replaces its look-up', () => {
    expect(list({ PGHOST: 'db', PGHOSTADDR: '10.0.0.1' })).toEqual([{ host: 'db', address: '10.0.0.1', port: 5432 }]);
    expect(list({ PGHOST: '/socket', PGHOSTADDR: '10.0.0.1' }).map(isSocket)).toEqual([false]);
  });

  it.each<Readonly<Record<string, string>>>([
    { PGHOST: 'a,b', PGPORT: '1,2,3' },
    { PGHOST: 'a', PGPORT: '1,2' },
    { PGHOST: 'a,b', PGHOSTADDR: '10.0.0.1' },
    { PGHOST: 'a', PGPORT: '0' },
    { PGHOST: 'a', PGPORT: '65536' },
    { PGHOST: 'a', PGPORT: 'x' },
  ])('are refused when the lists do not fit: %j', (environment) => {
    expect(() => list(environment)).toThrow(expect.objectContaining({ kind: 'config' }));
  });

  it('come in any order when the load is to be balanced', () => {
    const environment = { PGHOST: 'a,b,c', PGLOADBALANCEHOSTS: 'random' };
    expect(list(environment, () => 0).map(({ host }) => host)).toEqual(['b', 'c', 'a']);
    expect(list(environment, () => 0.999).map(({ host }) => host)).toEqual(['a', 'b', 'c']);
  });
});
