#pragma once
// What the daemon answers about its quarantine, on the control socket.

#include <functional>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "filter/quarantine/disk_quarantine.h"

namespace gatepost {

/// Takes the whole request, gives the answer; {"error": …, "kind": "permanent"|"temporary"|…} says
/// why there is none. Called by one thread at a time.
using ControlCommand = std::function<nlohmann::ordered_json(const nlohmann::ordered_json&)>;
using ControlCommands = std::map<std::string, ControlCommand, std::less<>>;

/// quarantine.list     {from,to,since,state,after,limit} ->
/// {entries:[…],messages,octets,directory}; a
///                     page of at most 500, `after` is the last reference of the page before
/// quarantine.show     {reference} -> the entry with its record and file
/// quarantine.delete   {reference} -> {deleted}
/// quarantine.begin    {reference,again} -> {entry,recipients}     a release begins
/// quarantine.end      {reference,nonce,delivered|["*"],whole} -> {passed}   and ends
/// `quarantine` must live as long as the commands.
ControlCommands quarantine_commands(quarantine::DiskQuarantine& quarantine);

/// An entry as JSON and back.
nlohmann::ordered_json to_json(const quarantine::Entry& entry);
quarantine::Entry entry_from_json(const nlohmann::ordered_json& json);

}  // namespace gatepost
