// Schema 1 of a shard, for replicas that read no newer one. Our code works with schema 2 and converts. Both are proto
// JSON.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

/** @param clients of a ClientShard of schema 1
 *  @returns the same clients as entries of schema 2
 *  @throws Error when they have another shape */
export function entriesOfClients(clients: JsonValue | undefined): JsonObject[] {
  if (clients === undefined) return []
  if (!Array.isArray(clients)) throw new Error('its clients are not a list')
  return clients.map((client) => mapVersions(objectOf(client), textOfMessage))
}

/** @param entries of a ClientShard of schema 2
 *  @returns the same clients in the form of schema 1 */
export function clientsOfEntries(entries: readonly JsonObject[]): JsonObject[] {
  return entries.map((entry) => mapVersions(entry, messageOfText))
}

/** The fields keep their order: a line is the same bytes in both schemas. */
function mapVersions(client: JsonObject, map: (version: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(client).map(([name, value]) => [
      name,
      name === 'desired' || name === 'accepted' ? map(objectOf(value)) : value,
    ]),
  )
}

const textOfMessage = ({ generation, ...config }: JsonObject): JsonObject => ({
  ...(generation === undefined ? {} : { generation }),
  config: JSON.stringify(config),
})

/** `generation` comes first: it is the first field of the message. */
function messageOfText({ generation, config }: JsonObject): JsonObject {
  if (typeof config !== 'string') throw new Error('a version of it has no text')
  return { ...(generation === undefined ? {} : { generation }), ...objectOf(parseJson(config)) }
}

/** @throws Error when the value is not an object */
export function objectOf(value: JsonValue): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('a part of it is not an object')
  return value
}

/** @throws SyntaxError */
export function parseJson(text: string): JsonValue {
  return JSON.parse(text) as JsonValue
}
