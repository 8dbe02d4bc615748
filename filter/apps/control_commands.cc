#include "filter/apps/control_commands.h"

#include <utility>

namespace gatepost {

void ControlCommands::add(std::string name, Handler handler) {
  handlers_.insert_or_assign(std::move(name), std::move(handler));
}

std::string ControlCommands::answer(std::string_view request) const {
  const auto error = [](const std::string& what) {
    return Json{{"error", what}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const Json asked = Json::parse(request, nullptr, false);
  const std::string command = text_of(asked, "command");
  const auto handler = handlers_.find(command);
  if (handler == handlers_.end()) {
    std::string known;
    for (const auto& [name, unused] : handlers_) known += (known.empty() ? "" : ", ") + name;
    return error("unknown command, expected one of: " + known);
  }
  try {
    return handler->second(asked).dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const std::exception& fault) {
    return error("internal error: " + std::string(fault.what()));
  }
}

std::string text_of(const Json& request, const char* member, std::string_view otherwise) {
  if (!request.is_object()) return std::string(otherwise);
  const auto at = request.find(member);
  return at != request.end() && at->is_string() ? at->get<std::string>() : std::string(otherwise);
}

}  // namespace gatepost
