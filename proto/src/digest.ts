// The one digest that names shards and manifest everywhere, and the bytes of the manifest.
import { hash } from 'node:crypto'
import { fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { ManifestSchema } from './generated/nauthera/config/v1/config_pb.ts'
import type { Manifest } from './generated/nauthera/config/v1/config_pb.ts'

/** @returns SHA-256 of the bytes, 64 lower-case hex. */
export function digestOf(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex')
}

/** @returns the first 8 hex of a digest: the *revision* that people see, or the id of a secret. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 8)
}

/** @returns manifest.json (proto JSON, keys in field order) and its digest, whose first 8 hex are the revision. */
export function encodeManifest(manifest: Manifest): { file: Uint8Array; digest: string } {
  const file = Buffer.from(toJsonString(ManifestSchema, manifest))
  return { file, digest: digestOf(file) }
}

/** Reads manifest.json; throws when UTF-8, JSON or the message is damaged. Unknown fields are ignored. */
export function decodeManifest(file: Uint8Array): { manifest: Manifest; digest: string } {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(file)
  return { manifest: fromJsonString(ManifestSchema, text, { ignoreUnknownFields: true }), digest: digestOf(file) }
}
