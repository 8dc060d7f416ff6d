// The page with one person's audit log, newest first.
import { personalRoutes } from '../account/frame/gate.ts'
import type { SignedInPerson } from '../account/frame/gate.ts'
import type { PageRequest, Reply, Route } from '../reply.ts'
import type { Audit, AuditFilter, AuditRecord } from '../store/audit/audit.ts'
import type { Accounts } from '../store/sessions/accounts.ts'
import { deskEvent } from './carry-out.ts'
import { deskArea, searched, signedInAt } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import { notFound } from './gate.ts'
import type { DeskGate } from './gate.ts'
import { personPath } from './people.ts'

const pageSize = 50

interface Needs extends FrameNeeds {
  readonly desk: DeskGate
  readonly store: { readonly accounts: Pick<Accounts, 'load'>; readonly audit: Pick<Audit, 'record' | 'search'> }
}

export const createPersonAuditRoute = (needs: Needs): Route =>
  personalRoutes(needs, needs.desk.toLook).page(`${personPath(':id')}/audit`, show)

async function show(needs: Needs, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { store, basePath } = needs
  const user = (await store.accounts.load({ userId: request.params['id'] ?? '' }))?.user
  if (user === undefined) return notFound
  const before = parsePlace(searched(request, 'before'))
  if (before === undefined) store.audit.record(deskEvent('audit', { member: admin.user, state: { user }, request }))
  const records = await store.audit.search({ userId: user.id, before, limit: pageSize + 1 })
  const rows = records.slice(0, pageSize)
  const here = `${basePath}${personPath(user.id)}`
  const next = records.length > pageSize ? new URLSearchParams({ before: placeOf(rows.at(-1)!) }) : undefined
  return {
    kind: 'page',
    view: 'admin-audit',
    model: {
      area: deskArea(needs, admin, request, 'people'),
      person: { username: user.username, name: user.name },
      backHref: here,
      rows: rows.map(({ at, event, outcome, reason, actor, target, address, clientId }) => ({
        at,
        event,
        outcome,
        reason,
        actor,
        target,
        address,
        ...signedInAt(clientId),
      })),
      firstHref: before === undefined ? undefined : `${here}/audit`,
      nextHref: next && `${here}/audit?${next}`,
    },
  }
}

const placeOf = ({ at, id }: AuditRecord): string => `${at.toISOString()}_${id}`

/** @returns undefined for an invalid place: then the newest come first */
function parsePlace(text: string): AuditFilter['before'] {
  const [, at = '', id = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)_(\d{1,15})$/.exec(text) ?? []
  const time = new Date(at)
  return Number.isNaN(time.getTime()) ? undefined : { at: time, id: Number(id) }
}
