// nauthera groups: which people are in which group.
import type { Command } from 'commander'
import { createGroups } from '../store/groups.ts'
import { adminEvent, print, say, withDatabase } from './session.ts'
import type { Session } from './session.ts'
import { findUser } from './users.ts'

export function addGroupCommands(program: Command, session: Session): void {
  const groups = program.command('groups').description('manage groups of people')

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

  const member = (name: 'add-member' | 'remove-member', description: string, said: { done: string; already: string }) =>
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
          say(session, `${user.username} ${changed ? said.done : said.already} ${group}`)
        }),
      )
  member('add-member', 'add a person to a group; a new group is created', {
    done: 'is now in',
    already: 'was already in',
  })
  member('remove-member', 'remove a person from a group', { done: 'is no longer in', already: 'was not in' })
}
