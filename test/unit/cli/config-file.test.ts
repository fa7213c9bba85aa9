import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigFile, merged, readConfigFile } from '../../../src/cli/up/config-file.ts'
import { jsonSchemaOf, SCHEMA_NAMES } from '../../../src/cli/config/schemas.ts'
import { SETTING_KEYS, SETTINGS } from '../../../src/model/settings.ts'
import type { DaemonOptions } from '../../../src/node/options.ts'

const CONFIG = new URL('../../../config/', import.meta.url)
const PEER = '12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust'

describe('cli/config file', () => {
  let dir = ''
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'althing-config-'))))
  afterEach(() => rmSync(dir, { recursive: true }))

  function read(text: string) {
    const path = join(dir, 'config.yaml')
    writeFileSync(path, text)
    return readConfigFile(path)
  }
  function refusal(text: string): string {
    try {
      read(text)
    } catch (error) {
      return (error as Error).message.replaceAll(`${dir}/`, '')
    }
    return assert.fail('it was taken')
  }

  it('says what the flags say; paths in it are beside it', () => {
    const text =
      'name: attic\ncluster: home\nport: 0\npublic: true\nmdns: false\ndht: true\nrelay: false\nopen: true\n' +
      `trust: [${PEER}]\njoin: [/ip4/10.0.0.5/tcp/4100/p2p/${PEER}]\nlisten: [/ip4/127.0.0.1/tcp/0]\n` +
      'labels: { zone: attic, rack: 7, fast: true }\npassports: [sub/writer.yaml]\ncpu: 0.5\nmemory: 2Gi\n' +
      'page: { port: 0 }\nlogLevel: warn\nsettings: { bids.ask: 5, bids.window: 1s }\n'
    const { paths: _paths, ...all } = { paths: undefined, ...read(text) }
    assert.deepEqual(all, {
      ...{ name: 'attic', cluster: 'home', port: 0, publicNetwork: true, mdns: false, dht: true, relay: false },
      ...{ open: true, trust: [PEER], listen: ['/ip4/127.0.0.1/tcp/0'], logLevel: 'warn' },
      join: [`/ip4/10.0.0.5/tcp/4100/p2p/${PEER}`],
      labels: { zone: 'attic', rack: '7', fast: 'true' },
      settings: { 'bids.ask': '5', 'bids.window': '1s' },
      passportFiles: [join(dir, 'sub/writer.yaml')],
      page: { host: '127.0.0.1', port: 0 },
      capacity: { cpuMilli: 500, memoryBytes: 2 * 1024 ** 3 },
    })
    const above = [...text.matchAll(/^(\w+):/gm)].map(([, field]) => field!)
    const below = ['isolatedNetwork', 'api', 'jwt']
    assert.deepEqual([...above, ...below].toSorted(), Object.keys(ConfigFile.shape).toSorted(), 'each field is read')
    assert.deepEqual(read('page: false'), { page: false })
    assert.deepEqual(read('# nothing\n\n   # at all\n'), {})
    assert.deepEqual(read('{"name": "json"}'), { name: 'json' })
  })

  it('says who else may use the API, and whether what is isolated has a network', () => {
    for (const name of ['cert.pem', 'key.pem', 'jwks.json']) writeFileSync(join(dir, name), '')
    const api = 'api: { listen: "10.0.0.5:4443", certificate: cert.pem, key: key.pem, allow: [10.0.0.0/8] }\n'
    const jwt = 'jwt: { issuer: https://id.example, audience: althing, jwks: jwks.json, roles: { devs: submitter } }\n'
    assert.deepEqual(read(`isolatedNetwork: true\n${api}${jwt}`), {
      isolatedNetwork: true,
      remote: {
        ...{ host: '10.0.0.5', port: 4443, allow: ['10.0.0.0/8'], hosts: [] },
        ...{ certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem') },
      },
      jwt: {
        ...{ issuer: 'https://id.example', audience: 'althing', jwks: join(dir, 'jwks.json') },
        ...{ roleClaim: 'althing_role', roles: { devs: 'submitter' } },
      },
    })
    assert.equal(read(jwt.replace('jwks.json', 'https://id.example/keys')).jwt?.jwks, 'https://id.example/keys')
    assert.match(refusal(jwt.replace('jwks.json', 'http://id.example/keys')), /expected an https address/)
    assert.match(refusal(jwt.replace('jwks.json', 'none.json')), /^jwt\.jwks: there is no /)
    assert.match(refusal(api.replace('cert.pem', 'none.pem')), /^api\.certificate: there is no /)
    assert.match(refusal(api.replace(', key: key.pem', '')), /^config\.yaml:1:\d+: api\.key: /)
    assert.match(refusal(api.replace('10.0.0.5:4443', 'attic')), /api\.listen: expected an address of this machine/)
    assert.match(refusal(api.replace('10.0.0.0/8', '10.0.0.5/8')), /api\.allow\[0\]: it has bits behind its length/)
    assert.match(refusal(jwt.replace('submitter', 'king')), /jwt\.roles\.devs: /)
    assert.match(refusal(jwt.replace('{ devs: submitter }', '{}')), /jwt\.roles: expected a group and its role/)
  })

  it('names file, line, column and field of each mistake', () => {
    assert.equal(
      refusal('name: Attic\nport: 99999\nnmae: x\n'),
      'config.yaml:1:7: name: expected a name of lower-case letters, digits, - and ., at most 253 characters and 63 ' +
        'between two dots, such as attic or attic-2.lan, found the text "Attic"\n' +
        'config.yaml:2:7: port: expected at most 65535, found the number 99999\n' +
        'config.yaml:3:1: nmae: expected no such field',
    )
    assert.match(
      refusal('settings:\n  bids.ask: 99\n'),
      /^config\.yaml:2:13: settings\.bids\.ask: expected a whole number/,
    )
    assert.match(refusal('settings: { bids.ak: 9 }\n'), /settings\.bids\.ak: there is no such setting/)
    assert.match(refusal('labels:\n  "a b": c\n'), /^config\.yaml:2:\d+: labels\.a b: expected/)
    assert.match(refusal('join: [/ip4/10.0.0.5/tcp/4100]\n'), /join\[0\]: \/p2p\/ and a peer id are missing/)
    assert.match(refusal('memory: 1Zi\n'), /memory: expected an amount of bytes/)
    assert.match(refusal('page: true\n'), /page: expected false, or port/)
    assert.match(refusal('- a\n- b\n'), /expected a map/)
    assert.match(refusal('a: [\n'), /^config\.yaml:\d+:\d+: /)
    assert.match(refusal(`name: ${'x'.repeat(300_000)}`), /larger than 256 KiB/)
    assert.throws(() => readConfigFile(dir), /it is a directory/)
    assert.throws(() => readConfigFile(join(dir, 'none.yaml')), /there is no such file/)
  })

  it('gives way to the command line, of labels and settings one by one', () => {
    const paths = { dataDir: dir, configFile: '', socketPath: '', scope: 'user' } as const
    const line: DaemonOptions = { paths, port: 7, labels: { zone: 'x' }, settings: { 'bids.ask': '9' } }
    const file = read(
      'name: a\nport: 5\nlabels: { zone: y, rack: r }\nsettings: { bids.ask: 1, bids.window: 1s }\ncpu: 1',
    )
    assert.deepEqual(merged(file, line), {
      ...{ paths, name: 'a', port: 7, labels: { zone: 'x', rack: 'r' }, capacity: { cpuMilli: 1_000 } },
      settings: { 'bids.ask': '9', 'bids.window': '1s' },
    })
  })

  it('has an example that can be read', () => {
    const path = new URL('examples/config.yaml', CONFIG).pathname
    assert.equal(readConfigFile(path).name, 'attic')
    assert.ok(dirname(path).endsWith('examples'))
  })

  it('is in docs/CONFIGURATION.md as it is, with each field and each setting and its default', () => {
    const docs = readFileSync(new URL('../docs/CONFIGURATION.md', CONFIG), 'utf8')
    const [, yaml = ''] = /```yaml\n([^]*?)```/.exec(docs)!
    assert.equal(read(yaml).name, 'attic')
    for (const field of Object.keys(ConfigFile.shape)) assert.match(docs, new RegExp(`^${field}:|\`${field}\``, 'm'))
    for (const key of SETTING_KEYS) {
      const row = docs.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${key}\``))
      assert.ok(row?.split('|')[2]?.includes(SETTINGS[key].initial), key)
    }
  })

  it('has its JSON Schema in config/, as policies and passports have (npm run schema writes them)', () => {
    for (const name of SCHEMA_NAMES) {
      const written: unknown = JSON.parse(readFileSync(new URL(`${name}.schema.json`, CONFIG), 'utf8'))
      assert.deepEqual(written, JSON.parse(JSON.stringify(jsonSchemaOf(name))), name)
    }
    const { properties } = jsonSchemaOf('config') as { properties: { settings: { properties: object } } }
    assert.deepEqual(Object.keys(properties.settings.properties), SETTING_KEYS)
  })
})
