#pragma once
// What gatepostd asks of the operating system: accounts, folders, limits, the service manager.

#include <cstddef>
#include <optional>
#include <string>

#include <sys/types.h>

#include "core/base/result.h"

namespace gatepost {

/// What a reload has freed in small pieces goes back to the system.
void give_memory_back();

/// Tells systemd (Type=notify) through $NOTIFY_SOCKET; nothing without it.
void notify(const char* state);

/// One descriptor a session, some for DNS and spool files: at the limit libmilter spins.
void raise_descriptor_limit(std::size_t max_sessions);

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Whom to become: of "user" or "user:group". Nothing when we are not root.
/// @return a config Error that names what does not exist.
Result<std::optional<Account>> find_account(const std::string& user);
/// For good.
Result<void> become(const Account& account);

/// Makes a folder of ours when it is missing; where that fails its users say so.
void make_folder(const std::string& path, const std::optional<Account>& owner);

/// The store is opened as root but belongs to whom we become; SQLite gives its other files the same
/// owner. What cannot be made is named by the store.
void make_store_file(const std::string& path, const Account& owner);

/// @return whether it could be written.
bool write_pid_file(const std::string& path);

}  // namespace gatepost
