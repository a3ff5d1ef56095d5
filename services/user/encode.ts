import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Role as RoleEnum } from '#gen/only2u/user/v1/user_pb.ts';
import { AddressSchema, UserProfileSchema, UserSchema } from '#gen/only2u/user/v1/user_pb.ts';
import type { Address as AddressMessage, User, UserProfile } from '#gen/only2u/user/v1/user_pb.ts';
import { SessionSchema, SessionTokensSchema } from '#gen/only2u/user/v1/auth_pb.ts';
import type { Session as SessionMessage, SessionTokens } from '#gen/only2u/user/v1/auth_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { Account, Role } from './account.ts';
import type { Address } from './address.ts';
import type { Tokens } from './authentication.ts';
import type { Session } from './session.ts';

const roleEnums: Readonly<Record<Role, RoleEnum>> = {
  customer: RoleEnum.CUSTOMER,
  vendor: RoleEnum.VENDOR,
  influencer: RoleEnum.INFLUENCER,
  reseller: RoleEnum.RESELLER,
  admin: RoleEnum.ADMIN,
};

export function decodeRole(role: RoleEnum, field: string): Role {
  switch (role) {
    case RoleEnum.CUSTOMER:
      return 'customer';
    case RoleEnum.VENDOR:
      return 'vendor';
    case RoleEnum.INFLUENCER:
      return 'influencer';
    case RoleEnum.RESELLER:
      return 'reseller';
    case RoleEnum.ADMIN:
      return 'admin';
    default:
      throw invalidField(field, 'ROLE_UNKNOWN', 'is not a role');
  }
}

export function encodeUser(account: Account): User {
  return create(UserSchema, {
    id: account.id,
    email: account.email,
    emailVerified: account.emailVerified,
    displayName: account.displayName,
    roles: account.roles.map((role) => roleEnums[role]),
    createTime: timestampFromDate(account.createTime),
    updateTime: timestampFromDate(account.updateTime),
    etag: String(account.revision),
  });
}

export function encodeProfile(account: Account): UserProfile {
  return create(UserProfileSchema, { id: account.id, displayName: account.displayName });
}

export function encodeAddress(address: Address): AddressMessage {
  return create(AddressSchema, {
    ...address.fields,
    lines: [...address.fields.lines],
    id: address.id,
    createTime: timestampFromDate(address.createTime),
    updateTime: timestampFromDate(address.updateTime),
    etag: String(address.revision),
  });
}

export function encodeSession(session: Session, currentId: string): SessionMessage {
  return create(SessionSchema, {
    id: session.id,
    userAgent: session.userAgent,
    address: session.address,
    createTime: timestampFromDate(session.createTime),
    refreshTime: timestampFromDate(session.refreshTime),
    expireTime: timestampFromDate(session.expireTime),
    current: session.id === currentId,
  });
}

export function encodeTokens(tokens: Tokens): SessionTokens {
  return create(SessionTokensSchema, {
    accessToken: tokens.access.token,
    accessExpireTime: timestampFromDate(tokens.access.expireTime),
    refreshToken: tokens.refreshToken,
    refreshExpireTime: timestampFromDate(tokens.refreshExpireTime),
  });
}
