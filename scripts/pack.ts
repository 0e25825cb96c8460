/**
 * Packs several CommonJS files into one, `program.js`, and makes the small `main.js` that starts it from V8's code cache:
 * what `wal-push` needs is then neither looked for nor compiled at every start.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The code of `program.js`: an expression whose value is a function of `require`, `__filename` and `__dirname`. That
 * gives a function of a file's name that loads the file, packed or not; each once.
 *
 * @param codes CommonJS code by file name
 */
export function packedProgram(codes: ReadonlyMap<string, string>): string {
  const modules = [...codes].map(
    ([name, code]) => `${JSON.stringify(`./${name}`)}(module,exports,require,__filename,__dirname){${code}}`,
  );
  return `(function(outside,__filename,__dirname){"use strict";
const modules={${modules.join(',\n')}};
const loaded=new Map();
function load(name){
const before=loaded.get(name);
if(before!==undefined)return before.exports;
const found=modules[name];
if(found===undefined)return outside(name);
const module={exports:{}};
loaded.set(name,module);
found(module,module.exports,load,__filename,__dirname);
return module.exports;
}
return(name)=>load("./"+name);
})`;
}

/**
 * The code of `main.js`: starts the program when Node was started with it, and gives packed files to whoever requires it
 * (worker threads). V8 refuses a cache of another version or other options, and compiles.
 */
export const starter = `"use strict";
const{readFileSync}=require("node:fs");
const{Script}=require("node:vm");
const filename=__dirname+"/program.js";
let cachedData;
try{cachedData=readFileSync(__dirname+"/program.cache")}catch{}
const script=new Script(readFileSync(filename,"utf8"),{filename,cachedData});
const load=script.runInThisContext()(require,__filename,__dirname);
module.exports=load;
if(require.main===module)load("program-main.js");
`;

/** Those of `launcher.sh`: V8 refuses a cache that was made with others. */
const nodeSwitches = ['--no-concurrent-sparkplug', '--max-semi-space-size=4'];

/**
 * Runs the given command lines one after the other, in one process, each with its own variables, and keeps what V8 compiled
 * for them. A server in the same process takes whatever is put, for storages over a network.
 */
const warmUp = `"use strict";
const{readFileSync,writeFileSync}=require("node:fs");
const{Script}=require("node:vm");
const[folder,lines]=process.argv.slice(2);
const filename=folder+"/program.js";
const script=new Script(readFileSync(filename,"utf8"),{filename});
const outside=require("node:module").createRequire(filename);
const exit=process.exit;
const rest=JSON.parse(lines);
const objects=new Map();
const server=require("node:http").createServer((asked,answer)=>{
const chunks=[];
asked.on("data",(chunk)=>chunks.push(chunk)).on("end",()=>{
if(asked.method==="PUT")objects.set(asked.url,Buffer.concat(chunks));
const found=asked.method==="GET"?objects.get(asked.url):Buffer.alloc(0);
answer.writeHead(found===undefined?404:200,{etag:'"1"'}).end(found);
});
});
let failed=0;
function next(status){
failed||=status;
const line=rest.shift();
if(line===undefined){
writeFileSync(folder+"/program.cache",script.createCachedData());
exit(failed);
}
Object.assign(process.env,line.environment);
process.argv=[process.execPath,folder+"/main.js",...line.words];
const load=script.runInThisContext()(outside,folder+"/main.js",folder);
outside.cache[folder+"/main.js"]={id:folder+"/main.js",exports:load,loaded:true};
load("program-main.js");
}
process.exit=next;
server.listen(0,"127.0.0.1",()=>{
process.env.AWS_ENDPOINT="http://127.0.0.1:"+server.address().port;
next(0);
});
`;

/**
 * Makes `program.cache` in a folder with a built program, by archiving a file and fetching it back: as files, and in a bucket.
 *
 * @throws Error when the program fails at that
 */
export function makeCodeCache(folder: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'walvault-build-'));
  try {
    const name = '000000010000000000000001';
    const archive = join(scratch, 'archive');
    const walFolder = join(scratch, 'data', 'pg_wal');
    mkdirSync(archive);
    mkdirSync(join(walFolder, 'archive_status'), { recursive: true });
    writeFileSync(join(walFolder, name), Buffer.alloc(16 * 1024 * 1024));
    writeFileSync(join(scratch, 'warm-up.cjs'), warmUp);
    const inBucket = { WALG_S3_PREFIX: 's3://bucket/warm', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    const lines = [
      { words: ['wal-push', join(walFolder, name)] },
      { words: ['wal-fetch', name, join(walFolder, 'RECOVERYXLOG')] },
      { words: ['wal-push', join(walFolder, name)], environment: inBucket },
      { words: ['wal-fetch', name, join(walFolder, 'RECOVERYXLOG.2')] },
    ];
    execFileSync(process.execPath, [...nodeSwitches, join(scratch, 'warm-up.cjs'), folder, JSON.stringify(lines)], {
      cwd: join(scratch, 'data'),
      env: {
        WALG_FILE_PREFIX: archive,
        WALG_WAL_CHECK: 'off',
        WALG_LOG_LEVEL: 'ERROR',
        WALG_DOWNLOAD_CONCURRENCY: '1',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
