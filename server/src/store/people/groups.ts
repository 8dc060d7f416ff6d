// Groups of people. Claims name them, and clients can require them.
import { randomUUID } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

export interface Group {
  readonly name: string
  readonly members: number
}

export interface Groups {
  list(): Promise<Group[]>
  find(group: string): Promise<Group | undefined>
  /** @returns false when there was one of this name
   *  @throws CodedError GROUP_NAME_INVALID */
  create(group: string, audit: readonly AuditEvent[]): Promise<boolean>
  /** Removes the group; its members are no longer in it.
   *  @returns how many there were; undefined when there was no such group */
  remove(group: string, audit: readonly AuditEvent[]): Promise<number | undefined>
  /** Adds the person to the group; creates the group when it is new. @returns false when the person was already in it */
  addMember(group: string, userId: string, audit: readonly AuditEvent[]): Promise<boolean>
  /** @returns false when the person was not in it */
  removeMember(group: string, userId: string, audit: readonly AuditEvent[]): Promise<boolean>
}

// counted before names come to it: there may be as many members as people
const list = statement<Group>(
  'group-list',
  `SELECT g.name, coalesce(m.members, 0) AS members FROM groups g
   LEFT JOIN (SELECT group_id, count(*)::integer AS members FROM group_members GROUP BY group_id) m ON m.group_id = g.id
   ORDER BY g.name`,
)
const find = statement<Group>(
  'group-find',
  `SELECT g.name, (SELECT count(*)::integer FROM group_members m WHERE m.group_id = g.id) AS members FROM groups g WHERE g.name = $1`,
)
const add = statement(
  'group-add',
  `WITH made AS (INSERT INTO groups (id, name) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),
   added AS (INSERT INTO group_members (user_id, group_id) SELECT $3, id FROM made ON CONFLICT DO NOTHING RETURNING group_id),
   ${audited('added')}
   SELECT group_id FROM added`,
)
const remove = statement(
  'group-remove',
  `WITH removed AS (DELETE FROM group_members m USING groups g WHERE g.id = m.group_id AND g.name = $1 AND m.user_id = $2 RETURNING m.group_id),
   ${audited('removed')}
   SELECT group_id FROM removed`,
)
const create = statement(
  'group-create',
  `WITH made AS (INSERT INTO groups (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING id),
   ${audited('made')}
   SELECT id FROM made`,
)
const drop = statement<{ members: string[] }>(
  'group-drop',
  `WITH members AS (SELECT m.user_id FROM group_members m JOIN groups g ON g.id = m.group_id WHERE g.name = $1),
   gone AS (DELETE FROM groups WHERE name = $1 RETURNING id),
   ${audited('gone')}
   SELECT gone.id, ARRAY(SELECT user_id FROM members) AS members FROM gone`,
)

/** Characters. */
const longestName = 200

export function createGroups(needs: { database: Connection; audit: AuditRows; changes: StoreChanges }): Groups {
  const { database, changes } = needs
  const change = async (asked: typeof add, values: unknown[], userId: string, events: readonly AuditEvent[]) => {
    const changed = await runAudited(needs, asked, values, events)
    await changes.report(userId)
    return changed.length === 1
  }
  return {
    list: () => database.query(list),
    find: async (group) => (await database.query(find, [group]))[0],
    async create(group, events) {
      const faults = faultsOfGroup(group)
      if (faults.length > 0) throw new CodedError('GROUP_NAME_INVALID', { faults })
      return (await runAudited(needs, create, [randomUUID(), group], events)).length === 1
    },
    async remove(group, events) {
      const [gone] = await runAudited(needs, drop, [group], events)
      if (gone === undefined) return undefined
      await changes.report(...gone.members)
      return gone.members.length
    },
    addMember: (group, userId, events) => change(add, [randomUUID(), group, userId], userId, events),
    removeMember: (group, userId, events) => change(remove, [group, userId], userId, events),
  }
}

/** @returns what is wrong with the name of a new group */
export function faultsOfGroup(group: string): Fault[] {
  const fault = (message: string) => [{ path: 'group', message }]
  if (group.trim() === '') return fault('must not be empty')
  if (group.length > longestName) return fault(`must have at most ${longestName} characters`)
  if (hasHiddenCharacters(group)) return fault('must not contain invisible characters')
  return []
}
