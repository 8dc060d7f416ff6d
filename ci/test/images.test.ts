import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { bundleFile, bundlePart, parts } from '../../scripts/bundle.ts'
import { reapDirectory, reapProcess } from '@nauthera/local/processes/reaper'
import { renderSbom } from '../../scripts/images/sbom.ts'

describe('the Dockerfile', () => {
  for (const part of parts) {
    const lines = readFileSync(join(import.meta.dirname, `../${part}.Dockerfile`), 'utf8').split('\n')
    const all = (instruction: string) => lines.filter((line) => line.startsWith(`${instruction} `))

    it(`of the ${part} takes its base as an argument, tries the bundle in a stage of its own, and runs no shell`, () => {
      expect(all('ARG')[0]).to.match(/^ARG BASE=\S+$/)
      expect(all('FROM')).to.deep.equal(['FROM ${BASE} AS tried', 'FROM ${BASE}'])
      for (const line of [...all('RUN'), ...all('ENTRYPOINT')]) expect(line).to.match(/^\w+ \["\/usr\/local\/bin\//)
      expect(lines.indexOf(all('FROM')[1]!)).to.be.greaterThan(lines.lastIndexOf(all('RUN').at(-1)!))
    })

    it(`of the ${part} tries main.js with the flags that it starts with: V8 keeps nothing for other flags`, () => {
      const flagsOf = (line: string) => line.match(/--(?!version|random-seed)[a-z-]+(?:=\d+)?/g) ?? []
      const tried = all('RUN').find((line) => line.includes('/app/src/main.js'))!
      expect(flagsOf(all('ENTRYPOINT')[0]!)).to.not.be.empty
      expect(flagsOf(tried)).to.deep.equal(flagsOf(all('ENTRYPOINT')[0]!))
    })

    it(`of the ${part} names a user that is not root, and says what the image is`, () => {
      // the stage that tries the bundle has the same user: what V8 keeps there is found by that user alone
      expect(all('USER')).to.deep.equal(['USER 65532:65532', 'USER 65532:65532'])
      for (const label of ['title', 'description', 'licenses', 'version', 'revision'])
        expect(lines.join('\n')).to.contain(`org.opencontainers.image.${label}=`)
    })
  }
})

describe('what goes into an image', () => {
  // Outside of the checkout, so that nothing of node_modules or of the sources is found by accident.
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-bundle-'))
  const forget = reapDirectory(directory)
  const root = join(import.meta.dirname, '../..')
  const place = (part: string) => join(directory, part)
  /** Our code and the libraries that are apart. */
  const filesOf = (part: string, ending: RegExp) =>
    readdirSync(join(place(part), 'app'), { recursive: true, encoding: 'utf8' })
      .filter((file) => /^(src|libraries)\//.test(file) && ending.test(file))
      .map((file) => join(place(part), 'app', file))
  before(async () => {
    for (const part of parts) await bundlePart(part, place(part))
  })
  after(() => forget())

  const node = (file: string, ...args: string[]) =>
    execFileSync(process.execPath, [file, ...args], {
      cwd: directory,
      encoding: 'utf8',
      env: {},
    })

  for (const [part, file] of [
    ['server', 'main.js'],
    ['server', 'nauthera.js'],
    ['config-agent', 'main.js'],
    ['operator', 'main.js'],
    ['operator', 'create-keys.js'],
  ] as const) {
    it(`${part}: ${file} is one file of one-byte characters with its source map, and starts with nothing beside it`, () => {
      const path = join(place(part), 'app/src', file)
      expect(readFileSync(path).every((byte) => byte < 0x80)).to.equal(true)
      expect(node(path, '--version')).to.match(/^\d+\.\d+\.\d+\n$/)
      const map = JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { sources: string[] }
      expect(map.sources.some((source) => source.endsWith('runtime/src/settings.ts'))).to.equal(true)
    })
  }

  it('starts without fetch and WebSocket of Node, and without what few servers use', async () => {
    const tell = 'process.on("exit", () => console.log(process.moduleLoadList.join()))'
    for (const part of parts) {
      const loaded = node('--import', `data:text/javascript,${tell}`, join(place(part), 'app/src/main.js'), '--version')
      expect(loaded).to.contain('NativeModule http')
      expect(loaded).to.not.match(/undici/)
    }
    const server = readFileSync(join(place('server'), 'app/src/main.js'), 'utf8')
    const later = [...server.matchAll(/await init_(\w+)\(\)\.then\(/g)].map(([, name]) => name)
    expect(later).to.include.members(['redis_cache', 'authorities', 'certificate_proof'])
    expect(server).to.not.match(/^(await )?init_(redis_cache|chain|certificate_proof|authorities)\(\)/m)
    const sourcesOf = (part: string) =>
      (JSON.parse(readFileSync(join(place(part), 'app/src/main.js.map'), 'utf8')) as { sources: string[] }).sources
    const apart =
      /node_modules\/(ioredis|@peculiar\/x509|nodemailer|node-pg-migrate|@simplewebauthn\/server|iconv-lite|@grpc\/proto-loader)\//
    expect(sourcesOf('server').filter((source) => apart.test(source))).to.deep.equal([])
    const readers = /node_modules\/(@peculiar\/x509|tsyringe|reflect-metadata)\//
    for (const part of ['config-agent', 'operator'])
      expect(sourcesOf(part).filter((source) => readers.test(source))).to.deep.equal([])
    const libraries: string[] = []
    for (const [, file] of server.matchAll(/import\("(\.\.\/libraries\/[^"]+)"\)/g)) {
      libraries.push(...Object.keys((await import(join(place('server'), 'app/src', file!))) as object))
    }
    const used = ['createTransport', 'Redis', 'factsOf', 'generateRegistrationOptions']
    expect(libraries).to.include.members(used)
  })

  it('takes forms in the charsets of the web, and refuses others as the library does', async () => {
    const source = join(directory, 'form.js')
    const rawBody = join(root, 'node_modules/raw-body/index.js')
    writeFileSync(source, `export { default } from ${JSON.stringify(rawBody)}\n`)
    await bundleFile(source, join(directory, 'form-bundle.js'))
    const { default: read } = (await import(join(directory, 'form-bundle.js'))) as {
      default: (stream: Readable, options: { encoding: string }) => Promise<string>
    }
    const readAs = (encoding: string, ...chunks: number[][]) =>
      read(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), { encoding })
    expect(await readAs('utf-8', [0xef, 0xbb, 0xbf, 0x61, 0xc3], [0xa9, 0xff])).to.equal('aé\ufffd')
    expect(await readAs('iso-8859-1', [0xe9])).to.equal('é')
    const refusal = await readAs('none-such', [0x61]).catch((error: { status: number; type: string }) => error)
    expect(refusal).to.include({ status: 415, type: 'encoding.unsupported' })
  })

  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] }
  const shared = workspaces.filter(
    (name) => !['stand-in', 'local', 'harness'].includes(name) && !(parts as readonly string[]).includes(name),
  )

  it('holds sources of its own part and of what the parts share, and nothing that is for tests', () => {
    for (const part of parts) {
      const sources = filesOf(part, /\.map$/).flatMap(
        (file) => (JSON.parse(readFileSync(file, 'utf8')) as { sources: string[] }).sources,
      )
      const folders = [...new Set(sources.map((source) => source.split('/')[0]!))]
      expect(['node_modules', part, ...shared], part).to.include.members(folders)
      expect(folders).to.include.members(['node_modules', 'proto', 'runtime', part])
    }
  })

  it('needs no package that is for tests', () => {
    for (const name of [...parts, ...shared]) {
      const text = readFileSync(join(root, name, 'package.json'), 'utf8')
      expect(text, name).to.not.match(/@nauthera\/(stand-in|local|harness)/)
    }
  })

  const sbomOf = async (part: string) => {
    const rootfs = join(directory, 'rootfs')
    mkdirSync(join(rootfs, 'usr/lib'), { recursive: true })
    writeFileSync(join(rootfs, 'usr/lib/libc.so.6'), 'libc')
    return renderSbom({ name: `nauthera/${part}`, version: '1.2.3', directory: place(part), rootfs })
  }

  it('is listed: each package at its version, Node, and the libraries of the machine', async () => {
    const { components } = JSON.parse(await sbomOf('server')) as {
      components: { name: string; version?: string; purl?: string; hashes?: unknown }[]
    }
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string }>
    }
    const find = (name: string) => components.find((component) => component.name === name)
    const addons = ['@node-rs/argon2', '@node-rs/bcrypt']
    for (const name of [
      'oidc-provider',
      'express',
      'jose',
      'pg-promise',
      '@grpc/grpc-js',
      'nodemailer',
      'asn1js',
      ...addons,
    ])
      expect(find(name)?.version, name).to.equal(lock.packages[`node_modules/${name}`]!.version)
    expect(find('node')?.version).to.equal(process.versions.node)
    expect(find('@grpc/grpc-js')?.purl).to.match(/^pkg:npm\/%40grpc\/grpc-js@\d/)
    const content = createHash('sha256').update('libc').digest('hex')
    expect(find('/usr/lib/libc.so.6')?.hashes).to.deep.equal([{ alg: 'SHA-256', content }])
    for (const absent of ['mocha', 'typescript', 'iconv-lite', '@nauthera/proto'])
      expect(find(absent)).to.equal(undefined)
  })

  it('is listed byte for byte the same the second time, with a serial number that depends on the list', async () => {
    const [first, again, other] = [await sbomOf('operator'), await sbomOf('operator'), await sbomOf('config-agent')]
    const serial = (text: string) => (JSON.parse(text) as { serialNumber: string }).serialNumber
    expect(first).to.equal(again)
    expect(serial(first)).to.match(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(serial(first)).to.not.equal(serial(other))
  })

  it('holds no path of the machine that made it', () => {
    for (const part of parts) {
      for (const file of filesOf(part, /\.(js|map)$/)) {
        expect(readFileSync(file, 'utf8').includes(root), file).to.equal(false)
      }
    }
  })

  it('ends on SIGTERM as process 1 would: it listens for the signal itself', async () => {
    const settings = join(directory, 'agent.yaml')
    const free = { status: { host: '127.0.0.1', port: 0 }, management: { host: '127.0.0.1', port: 0 } }
    const own = Object.fromEntries(
      ['clientsDirectory', 'linkDirectory', 'stateDirectory'].map((key) => [key, join(directory, key)]),
    )
    const config = { socket: join(directory, 'config.sock'), tlsDirectory: join(directory, 'tls') }
    writeFileSync(settings, JSON.stringify({ release: 'r', namespace: 'n', config, ...own, ...free }))
    const child = spawn(process.execPath, [join(place('config-agent'), 'app/src/main.js'), '--settings', settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    reapProcess(child, 'KILL')
    let text = ''
    for await (const chunk of child.stdout) {
      text += String(chunk)
      if (text.includes('"started"')) break
    }
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).to.deep.equal([0, null])
  })
})
