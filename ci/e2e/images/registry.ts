// A registry that can only be read, with the images of docker archives, at port 5000 of the node: so the kubelet can ask for an image each
// time. Its first line of output has the digest of each archive, then there is one for each manifest that was asked for.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { basename } from 'node:path'

const manifestType = 'application/vnd.oci.image.manifest.v1+json'

interface Blob {
  readonly type: string
  readonly bytes: number
  writeTo(stream: NodeJS.WritableStream): void
}

const blobs = new Map<string, Blob>()
const digests = Object.fromEntries(
  process.argv.slice(2).map((archive) => [basename(archive, '.tar'), readArchive(archive)]),
)

/** A docker archive names each file by its SHA-256.
 *  @returns the digest of the manifest, which is made here */
function readArchive(archive: string): string {
  const list = tar('-tvf', archive)
  const [about] = JSON.parse(tar('-xOf', archive, 'manifest.json')) as [{ Config: string; Layers: string[] }]
  const describeFile = (file: string, mediaType: string) => {
    const size = Number(new RegExp(`\\s(\\d+) \\S+ \\S+ ${file}$`, 'm').exec(list)?.[1])
    const digest = `sha256:${file.replace(/\.\w+$/, '')}`
    const writeTo = (stream: NodeJS.WritableStream) => void spawn('tar', ['-xOf', archive, file]).stdout.pipe(stream)
    blobs.set(digest, { type: 'application/octet-stream', bytes: size, writeTo })
    return { mediaType, digest, size }
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: describeFile(about.Config, 'application/vnd.oci.image.config.v1+json'),
    layers: about.Layers.map((layer) => describeFile(layer, 'application/vnd.oci.image.layer.v1.tar')),
  })
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`
  blobs.set(digest, { type: manifestType, bytes: manifest.length, writeTo: (stream) => void stream.end(manifest) })
  return digest
}

function tar(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('tar', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: ${stderr}`)
  return stdout
}

createServer((request, response) => {
  const { method, url = '' } = request
  if (url === '/v2/') return void response.end('{}')
  const [, kind, digest = ''] = /\/(manifests|blobs)\/(sha256:[0-9a-f]{64})/.exec(url) ?? []
  const blob = blobs.get(digest)
  if (blob === undefined) return void response.writeHead(404).end()
  if (kind === 'manifests') process.stdout.write(`${digest}\n`)
  const headers = { 'content-type': blob.type, 'content-length': blob.bytes, 'docker-content-digest': digest }
  response.writeHead(200, headers)
  if (method === 'HEAD') response.end()
  else blob.writeTo(response)
}).listen(5000, '127.0.0.1', () => process.stdout.write(`${JSON.stringify(digests)}\n`))
