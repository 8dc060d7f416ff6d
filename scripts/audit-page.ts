// The table of docs/audit.md: every event of the server, by its own word.
import { auditEvents } from '@nauthera/server/store/audit/audit-event'

const head = '| Event | Is written when |'
const ofCommands =
  '| `admin.<command>` | an administrator ran a command that changes something, such as `admin.users.disable`. Or a member of the help desk looked at a person (`admin.desk.show`), acted (`admin.desk.disable`), or asked another member to confirm an act (`admin.desk.ask.disable`). If the act was refused, the outcome is `failure` and `reason` says why |'

/** @param page as it is: what stands before its table stays */
export function renderAuditPage(page: string): string {
  const rows = Object.entries(auditEvents).map(([name, { when }]) => `| \`${name}\` | ${when} |`)
  return [page.slice(0, page.indexOf(head)) + head, '|---|---|', ...rows, ofCommands, ''].join('\n')
}
