// nauthera groups: who is in which.
import type { Command } from 'commander'
import { createGroups } from '../store/groups.ts'
import { adminEvent, print, say, withDatabase } from './session.ts'
import type { Session } from './session.ts'
import { findUser } from './users.ts'

export function addGroupCommands(program: Command, session: Session): void {
  const groups = program.command('groups').description('groups of people')

  groups
    .command('list')
    .description('list the groups')
    .action(async () =>
      withDatabase(session, async (opened) => {
        print(
          session,
          (await createGroups(opened).list()).map((group) => ({ ...group })),
          ['name', 'members'],
        )
      }),
    )

  const member = (name: 'add-member' | 'remove-member', description: string, done: string, nothing: string) =>
    groups
      .command(name)
      .description(description)
      .argument('<group>', 'name of the group')
      .argument('<user>', 'user name or e-mail address')
      .addHelpText('after', `\nExample:\n  nauthera groups ${name} admins alice`)
      .action(async (group: string, login: string) =>
        withDatabase(session, async (opened) => {
          const user = await findUser(opened, login)
          const store = createGroups(opened)
          const event = adminEvent(`groups.${name}`, { userId: user.id, detail: { group } })
          const changed = await (name === 'add-member' ? store.addMember : store.removeMember)(group, user.id, [event])
          say(session, `${user.username} ${changed ? done : nothing} ${group}`)
        }),
      )
  member('add-member', 'put a person into a group, which is made when it is new', 'is in', 'was in')
  member('remove-member', 'take a person out of a group', 'is out of', 'was not in')
}
