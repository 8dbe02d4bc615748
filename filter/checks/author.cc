// Who wrote the message: one strict reading of From for every check.

#include "core/base/text.h"
#include "core/mail/from_field.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

class Author final : public Check {
 public:
  void header(CheckContext&, const mail::HeaderField& field) override {
    if (iequals(trim(field.name), "From")) from_.push_back(field);
  }

  void end_of_headers(CheckContext& context) override {
    context.facts().author = mail::author_identity(from_);
    const auto& author = *context.facts().author;
    if (author.status != mail::AuthorIdentity::Status::single)
      context.add("AMBIGUOUS_FROM", author.reason);
  }

 private:
  std::vector<mail::HeaderField> from_;
};

}  // namespace

std::unique_ptr<Check> make_author() {
  return std::make_unique<Author>();
}

}  // namespace gatepost
