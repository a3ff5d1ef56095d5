import type { DescFile } from '@bufbuild/protobuf';

/** The enum of the shop's roles. */
export const shopRoles = 'only2u.user.v1.Role';

/** The roles that an enum names, as policies and tokens write them: of ROLE_VENDOR in an enum Role "vendor". */
export function rolesIn(files: readonly DescFile[], typeName: string): readonly string[] {
  const role = files.flatMap((file) => file.enums).find((each) => each.typeName === typeName);
  return (role?.values ?? [])
    .filter(({ number }) => number > 0)
    .map(({ name }) => name.slice(role?.sharedPrefix?.length ?? 0).toLowerCase());
}
