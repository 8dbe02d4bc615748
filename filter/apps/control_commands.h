#pragma once
// What the daemon answers on its control socket: a name and a handler for each command.

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace gatepost {

using Json = nlohmann::ordered_json;

/// Filled before the socket is served, then only read: safe from any thread as far as the handlers
/// are.
class ControlCommands {
 public:
  /// Gets the whole request, an object; gives an object. One with "error" is a failure, its value a
  /// sentence for people.
  using Handler = std::function<Json(const Json& request)>;

  void add(std::string name, Handler handler);
  /// One line of JSON. A request that is no object, an unknown command and a handler that throws
  /// are answered with an error.
  std::string answer(std::string_view request) const;

 private:
  std::map<std::string, Handler, std::less<>> handlers_;
};

/// A string member of a request, or `otherwise` when it is missing or no string.
std::string text_of(const Json& request, const char* member, std::string_view otherwise = "");

}  // namespace gatepost
