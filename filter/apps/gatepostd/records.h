#pragma once
// Where gatepostd's records go.

#include <memory>
#include <utility>

#include "filter/dmarc_log/dmarc_log.h"
#include "filter/log/log.h"

namespace gatepost {

/// Every record goes to the log, and to the log of DMARC when there is one.
class Records final : public RecordSink {
 public:
  explicit Records(Log& log) : log_(log) {}
  void record(const Record& record) override {
    log_.record(record);
    if (dmarc_) dmarc_->record(record);
  }
  /// Before any record.
  void set(std::unique_ptr<dmarc_log::DmarcLog> dmarc) { dmarc_ = std::move(dmarc); }
  dmarc_log::DmarcLog* dmarc() { return dmarc_.get(); }

 private:
  Log& log_;
  std::unique_ptr<dmarc_log::DmarcLog> dmarc_;
};

}  // namespace gatepost
