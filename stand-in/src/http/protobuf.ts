// kubectl creates built-in kinds with a protobuf body, and does not try JSON after a refusal. Custom kinds are always sent as JSON.
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { badRequest } from '../refusals.ts'
import type { KubeObject } from '../objects.ts'

export const protobufType = 'application/vnd.kubernetes.protobuf'

type Shape = Readonly<Record<number, readonly [name: string, read: (reader: BinaryReader) => unknown, many?: 'list']>>

const text = (reader: BinaryReader): string => reader.string()
const base64 = (reader: BinaryReader): string => Buffer.from(reader.bytes()).toString('base64')
const flag = (reader: BinaryReader): boolean => reader.bool()
const integer = (reader: BinaryReader): number => Number(reader.int64())

/** Fields that the shape does not name are dropped. */
function message(shape: Shape): (reader: BinaryReader) => Record<string, unknown> {
  return (reader) => readFields(shape, new BinaryReader(reader.bytes()))
}

function map(value: (reader: BinaryReader) => unknown): (reader: BinaryReader) => readonly [string, unknown] {
  const entry = message({ 1: ['key', text], 2: ['value', value] })
  return (reader) => {
    const { key, value: read } = entry(reader)
    return [typeof key === 'string' ? key : '', read ?? '']
  }
}

function readFields(shape: Shape, reader: BinaryReader): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const field = shape[number]
    if (!field) {
      reader.skip(wireType, number)
      continue
    }
    const value = field[1](reader)
    if (field[2] === 'list') {
      result[field[0]] = [...((result[field[0]] ?? []) as unknown[]), value]
      continue
    }
    // an entry of a map comes as a pair, one field each; what is empty says nothing
    if (Array.isArray(value)) result[field[0]] = { ...(result[field[0]] as object), [String(value[0])]: value[1] }
    else if (value !== '') result[field[0]] = value
  }
  return result
}

// Source of the numbers: generated.proto of k8s.io/apimachinery, k8s.io/api/core/v1 and k8s.io/api/authentication/v1.
const metadata = message({
  1: ['name', text],
  2: ['generateName', text],
  3: ['namespace', text],
  11: ['labels', map(text)],
  12: ['annotations', map(text)],
})
const kinds: Readonly<Record<string, Shape>> = {
  'v1 Namespace': { 1: ['metadata', metadata] },
  'v1 Secret': {
    1: ['metadata', metadata],
    2: ['data', map(base64)],
    3: ['type', text],
    4: ['stringData', map(text)],
    5: ['immutable', flag],
  },
  'authentication.k8s.io/v1 TokenRequest': {
    1: ['metadata', metadata],
    2: [
      'spec',
      message({
        1: ['audiences', text, 'list'],
        3: [
          'boundObjectRef',
          message({ 1: ['kind', text], 2: ['apiVersion', text], 3: ['name', text], 4: ['uid', text] }),
        ],
        4: ['expirationSeconds', integer],
      }),
    ],
  },
}
const envelope: Shape = {
  1: ['type', message({ 1: ['apiVersion', text], 2: ['kind', text] })],
  2: ['raw', (reader) => new Uint8Array(reader.bytes())],
}

/** @returns the object in the body; undefined for a kind that the stand-in does not read as protobuf */
export function readProtobuf(body: Buffer): KubeObject | undefined {
  if (body.subarray(0, 4).toString('latin1') !== 'k8s\0')
    throw badRequest('provided data does not appear to be a protobuf message')
  try {
    const { type, raw } = readFields(envelope, new BinaryReader(body.subarray(4)))
    const { apiVersion, kind } = (type ?? {}) as { apiVersion?: string; kind?: string }
    const shape = kinds[`${apiVersion} ${kind}`]
    if (!shape || !(raw instanceof Uint8Array)) return undefined
    return {
      apiVersion: apiVersion!,
      kind: kind!,
      ...readFields(shape, new BinaryReader(raw)),
    } as unknown as KubeObject
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : String(error)}`)
  }
}
